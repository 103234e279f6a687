#include "served-file.h"

#include <errno.h>
#include <stdio.h>

#include "clock.h"
#include "gzip.h"
#include "io.h"

/* Prometheus takes no such body in its default of 10 s. */
#define FILE_SIZE_MAX ((size_t)512 << 20)

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
drop(struct served_file *file)
{
	http_body_release(file->plain);
	http_body_release(file->packed);
	file->plain = file->packed = NULL;
}

static struct http_body *
new_body(void)
{
	struct http_body *body = xmalloc(sizeof(*body));

	*body = (struct http_body){.bytes = BUF_INIT, .references = 1};
	return body;
}

static enum exposition_format
format_of(const struct buf *text)
{
	static const char end[] = "# EOF\n";
	size_t len = strlen(end);

	return text->len >= len &&
		memcmp(text->data + text->len - len, end, len) == 0
	    ? EXPOSITION_OPENMETRICS
	    : EXPOSITION_PROMETHEUS;
}

/* It is replaced by rename(2): what `stat` found may be gone by now, and then
 * the next request finds another one. */
static bool
read_again(
    struct served_file *file, const struct stat *stat, struct buf *problem)
{
	struct http_body *body = new_body();

	drop(file);
	if (!read_file(file->path, FILE_SIZE_MAX, &body->bytes)) {
		buf_printf(
		    problem, "cannot read %s: %s", file->path, strerror(errno));
		http_body_release(body);
		return false;
	}
	file->plain = body;
	file->stat = *stat;
	file->format = format_of(&body->bytes);
	snprintf(file->etag, sizeof(file->etag), "W/\"%jx-%jx-%jx\"",
	    (uintmax_t)stat->st_ino, (uintmax_t)stat->st_size,
	    (uintmax_t)stat->st_mtim.tv_sec * 1000000000 +
		(uintmax_t)stat->st_mtim.tv_nsec);
	return true;
}

bool
served_file_refresh(
    struct served_file *file, int64_t max_age_s, struct buf *problem)
{
	struct stat now;
	int64_t age_s;

	if (stat(file->path, &now) != 0) {
		buf_printf(
		    problem, "cannot read %s: %s", file->path, strerror(errno));
		drop(file);
		return false;
	}
	age_s = clock_ms() / 1000 - now.st_mtim.tv_sec;
	if (age_s > max_age_s) {
		buf_printf(problem,
		    "%s is %jd s old, of at most %jd s; is what writes it "
		    "running?",
		    file->path, (intmax_t)age_s, (intmax_t)max_age_s);
		return false;
	}
	if (file->plain != NULL && is_same(&now, &file->stat))
		return true;
	return read_again(file, &now, problem);
}

struct http_body *
served_file_body(struct served_file *file, bool accepts_gzip, bool *is_gzip)
{
	struct http_body *body = file->plain;

	*is_gzip = accepts_gzip;
	if (accepts_gzip && file->packed == NULL) {
		struct gzip gzip;

		file->packed = new_body();
		gzip_start(&gzip);
		gzip_add(&gzip, body->bytes.data, body->bytes.len, true,
		    &file->packed->bytes);
	}
	if (accepts_gzip)
		body = file->packed;
	body->references++;
	return body;
}

void
served_file_free(struct served_file *file)
{
	drop(file);
}
