#include "gzip.h"

#include <limits.h>
#include <sysexits.h>

#include "log.h"

/* 15: the largest window; 16: with gzip's header (zlib.h). */
#define GZIP_WINDOW (15 + 16)
#define PIECE ((size_t)64 << 10)
/* Below this much output no ratio is looked at: a short text of blanks is
 * packed well without being an attack. */
#define RATIO_FROM ((size_t)64 << 10)

void
gunzip_start(struct gunzip *gunzip)
{
	memset(&gunzip->stream, 0, sizeof(gunzip->stream));
	gunzip->in = gunzip->out = 0;
	gunzip->ended = false;
	if (inflateInit2(&gunzip->stream, GZIP_WINDOW) != Z_OK)
		die(EX_OSERR, "out of memory (inflateInit2)");
}

void
gunzip_end(struct gunzip *gunzip)
{
	inflateEnd(&gunzip->stream);
}

static bool
is_over(const struct gunzip *gunzip)
{
	return gunzip->out > gunzip->bytes_max ||
	    (gunzip->out > RATIO_FROM &&
		gunzip->out / gunzip->ratio_max > gunzip->in);
}

/* Unpacks one piece. Z_OK, Z_STREAM_END, or an error of zlib's. */
static int
inflate_piece(struct gunzip *gunzip, struct buf *out)
{
	z_stream *stream = &gunzip->stream;
	size_t got;
	int result;

	stream->next_out = (Bytef *)buf_reserve(out, PIECE);
	stream->avail_out = PIECE;
	result = inflate(stream, Z_NO_FLUSH);
	got = PIECE - stream->avail_out;
	out->len += got;
	gunzip->out += got;
	return result;
}

enum gunzip_result
gunzip_add(
    struct gunzip *gunzip, const char *bytes, size_t len, struct buf *out)
{
	z_stream *stream = &gunzip->stream;
	bool full = false;

	if (len > UINT_MAX)
		return GUNZIP_TOO_LARGE;
	stream->next_in = (const void *)bytes;
	stream->avail_in = (uInt)len;
	gunzip->in += len;
	while (stream->avail_in > 0 || full) {
		int result;

		if (gunzip->ended) {
			/* Another member, or what is no member. */
			inflateReset(stream);
			gunzip->ended = false;
		}
		result = inflate_piece(gunzip, out);
		if (is_over(gunzip))
			return GUNZIP_TOO_LARGE;
		if (result == Z_STREAM_END)
			gunzip->ended = true;
		else if (result == Z_BUF_ERROR)
			break; /* nothing was left to come out */
		else if (result != Z_OK)
			return GUNZIP_BAD;
		full = stream->avail_out == 0 && !gunzip->ended;
	}
	return GUNZIP_MORE;
}

bool
gunzip_is_whole(const struct gunzip *gunzip)
{
	return gunzip->ended;
}

void
gzip_start(struct gzip *gzip)
{
	memset(&gzip->stream, 0, sizeof(gzip->stream));
	if (deflateInit2(&gzip->stream, 1, Z_DEFLATED, GZIP_WINDOW, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		die(EX_OSERR, "out of memory (deflateInit2)");
}

void
gzip_add(struct gzip *gzip, const char *bytes, size_t len, bool last,
    struct buf *out)
{
	z_stream *stream = &gzip->stream;
	int result;

	if (len > UINT_MAX)
		die(EX_SOFTWARE, "gzip: %zu bytes at once", len);
	stream->next_in = (const void *)bytes;
	stream->avail_in = (uInt)len;
	do {
		stream->next_out = (Bytef *)buf_reserve(out, PIECE);
		stream->avail_out = PIECE;
		result = deflate(stream, last ? Z_FINISH : Z_NO_FLUSH);
		out->len += PIECE - stream->avail_out;
	} while (stream->avail_out == 0 && result != Z_STREAM_END);
	if (last)
		deflateEnd(stream);
}
