/*
 * gzip (RFC 1952) by zlib: a body that is unpacked as it comes in, within
 * bounds, and one that is packed.
 */
#ifndef CCM_GZIP_H
#define CCM_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#define ZLIB_CONST /* input that zlib does not write to */
#include <zlib.h>

#include "buf.h"

enum gunzip_result {
	GUNZIP_MORE,      /* all read; the stream may go on */
	GUNZIP_BAD,       /* not gzip, or bytes behind its end */
	GUNZIP_TOO_LARGE, /* over one of the bounds */
};

struct gunzip {
	size_t bytes_max; /* that may come out */
	size_t ratio_max; /* bytes out for each byte in */

	/* private */
	z_stream stream;
	size_t in, out;
	bool ended;
};

/* Set the bounds before. Exits with EX_OSERR where there is no memory. */
void gunzip_start(struct gunzip *gunzip);
void gunzip_end(struct gunzip *gunzip);

/* Appends what `len` more bytes unpack to. Several gzip members, one behind
 * the other, are one stream (RFC 1952, 2.2). */
enum gunzip_result gunzip_add(
    struct gunzip *gunzip, const char *bytes, size_t len, struct buf *out);

/* True where the bytes so far are a whole stream. */
bool gunzip_is_whole(const struct gunzip *gunzip);

/* Packing, in as many pieces as one likes. Level 1: a scrape is fetched from
 * near, and a larger level costs more than it saves. */
struct gzip {
	z_stream stream;
};

void gzip_start(struct gzip *gzip);
/* Appends what is ready; with `last`, all of it, and ends. */
void gzip_add(struct gzip *gzip, const char *bytes, size_t len, bool last,
    struct buf *out);

#endif
