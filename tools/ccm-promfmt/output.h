/*
 * Writes what a store holds as one exposition.
 */
#ifndef CCM_PROMFMT_OUTPUT_H
#define CCM_PROMFMT_OUTPUT_H

#include "store.h"

struct output {
	const struct store *store;
	enum exposition_format format;
	bool without_timestamps;

	/* private: what comes next */
	uint32_t family, series;
	bool started, ended;
};

/* Appends the next piece, some 64 KiB; false when there was no more. */
bool output_piece(struct output *output, struct buf *out);

/*
 * The same to a file, which is replaced as a whole: until all is on the disk
 * under another name, the old one stays. Exits with EX_CANTCREAT or EX_IOERR.
 */
void output_file(struct output *output, const char *path);

#endif
