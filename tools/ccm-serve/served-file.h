/*
 * A file that is served: read once, packed once for all who take gzip, until
 * another one is in its place.
 */
#ifndef CCM_SERVE_SERVED_FILE_H
#define CCM_SERVE_SERVED_FILE_H

#include <stdint.h>
#include <sys/stat.h>

#include "exposition.h"
#include "http-server.h"

struct served_file {
	const char *path;

	/* What was read last; NULL and zeros before that. */
	struct http_body *plain;
	struct http_body *packed; /* NULL until somebody takes it */
	enum exposition_format format;
	struct stat stat;
	char etag[64]; /* weak: it is the same for both bodies */
};

/*
 * Looks at the file, and reads it where it is another one than last time.
 * False, with a problem, where it cannot be read or is older than max_age_s.
 */
bool served_file_refresh(
    struct served_file *file, int64_t max_age_s, struct buf *problem);

/* The body for an answer, with a reference for it; *is_gzip where it is the
 * packed one, which is made here for the first who takes it. */
struct http_body *served_file_body(
    struct served_file *file, bool accepts_gzip, bool *is_gzip);

void served_file_free(struct served_file *file);

#endif
