#include "memory.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hour.h"
#include "interval.h"
#include "json.h"
#include "lines.h"
#include "log.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)

/* ---- reading ------------------------------------------------------------ */

struct reader {
	const char *run;
	int64_t now_ms;
	struct resources *resources;
};

static const char *
text_of(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsString(item) && item->valuestring[0] != '\0'
	    ? item->valuestring
	    : NULL;
}

static bool
read_suspect(const struct reader *reader, const char *metric, const char *time,
    const char *label, const char *id)
{
	struct resources *resources = reader->resources;
	int64_t at_ms;
	size_t index;

	if (time == NULL || !timestamp_parse(time, strlen(time), &at_ms))
		return false;
	/* A clock that ran ahead has written what is later than now. */
	if (at_ms > reader->now_ms + DAY_MS || at_ms <= reader->now_ms - DAY_MS)
		return true;
	index = resources_add(resources, label, id);
	resource_suspect(&resources->all[index], metric, at_ms);
	return true;
}

/* False where it is no line of ours. */
static bool
read_object(const struct reader *reader, const cJSON *object)
{
	const cJSON *refused =
	    cJSON_GetObjectItemCaseSensitive(object, "refused");
	const cJSON *failing =
	    cJSON_GetObjectItemCaseSensitive(object, "failing");
	const char *label = text_of(object, "label");
	const char *id = text_of(object, "id"), *run = text_of(object, "run");
	const char *metric = text_of(object, "suspect");
	const char *detail = text_of(object, "detail");
	struct resource *resource;
	size_t index;
	int status;

	if (label == NULL || id == NULL)
		return false;
	if (metric != NULL)
		return read_suspect(
		    reader, metric, text_of(object, "time"), label, id);
	status = cJSON_IsNumber(refused) ? refused->valueint : 0;
	if (run == NULL ||
	    (status != 400 && status != 403 && !cJSON_IsTrue(failing)))
		return false;
	if (reader->run == NULL || strcmp(run, reader->run) != 0)
		return true;
	/* Which may move them all. */
	index = resources_add(reader->resources, label, id);
	resource = &reader->resources->all[index];
	if (status != 0)
		resource_refuse(resource, status, detail != NULL ? detail : "");
	else
		resource->failing = true;
	return true;
}

static bool
read_line(const struct reader *reader, const char *line, size_t len)
{
	const char *error;
	size_t offset;
	cJSON *object = NULL;
	bool good;

	if (json_validate(line, len, &error, &offset))
		object = cJSON_ParseWithLength(line, len);
	good = cJSON_IsObject(object) && read_object(reader, object);
	cJSON_Delete(object);
	return good;
}

static void
read_lines(const struct reader *reader, const char *path, int fd)
{
	struct lines lines = {.fd = fd, .buf = BUF_INIT};
	enum lines_result result;
	unsigned long bad = 0, first_bad = 0;
	char *line;
	size_t len;

	while ((result = lines_next(&lines, &line, &len)) == LINES_LINE ||
	    result == LINES_LONG) {
		bool good =
		    result == LINES_LINE && read_line(reader, line, len);

		while (result == LINES_LONG && lines_rest(&lines, &line, &len))
			;
		if (good)
			continue;
		if (bad++ == 0)
			first_bad = lines.number;
	}
	if (result == LINES_ERROR)
		log_warn("cannot read %s: %s", path, strerror(errno));
	if (bad > 0)
		log_warn(
		    "%s: %lu of %lu lines are not what ccm-fetch -k writes, the first is line %lu; they are dropped",
		    path, bad, lines.number, first_bad);
	lines_free(&lines);
}

void
memory_read(const char *path, const char *run, int64_t now_ms,
    struct resources *resources)
{
	struct reader reader = {run, now_ms, resources};
	struct stat st;
	/* A FIFO would wait for its writer. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0)
		log_warn("cannot read %s: %s", path, strerror(errno));
	else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		log_warn("%s is not a file; going on without it", path);
	else
		read_lines(&reader, path, fd);
	if (fd >= 0)
		close(fd);
}

/* ---- writing ------------------------------------------------------------ */

/* ,"NAME":"TEXT" */
static void
add_text(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, ",\"%s\":\"", name);
	json_escape_any(out, text);
	buf_add_char(out, '"');
}

static void
add_names(struct buf *out, const struct resource *resource)
{
	add_text(out, "label", resource->label);
	add_text(out, "id", resource->id);
}

static void
add_suspicions(struct buf *out, const struct resource *resource, int64_t now_ms)
{
	char time[TIME_SIZE];

	for (size_t i = 0; i < resource->nsuspicions; i++) {
		const struct suspicion *suspicion = &resource->suspicions[i];

		if (suspicion->time_ms <= now_ms - DAY_MS)
			continue;
		time_format((time_t)(suspicion->time_ms / 1000), time);
		buf_add_string(out, "{\"suspect\":\"");
		json_escape_any(out, suspicion->metric);
		buf_add_char(out, '"');
		add_names(out, resource);
		add_text(out, "time", time);
		buf_add_string(out, "}\n");
	}
}

static void
add_resource(struct buf *out, const struct resource *resource, const char *run,
    int64_t now_ms)
{
	add_suspicions(out, resource, now_ms);
	if (run != NULL && resource->refused != 0) {
		buf_printf(out, "{\"refused\":%ld", resource->refused);
		add_names(out, resource);
		add_text(out, "detail", resource->detail);
		add_text(out, "run", run);
		buf_add_string(out, "}\n");
	}
	if (run != NULL && resource->failing) {
		buf_add_string(out, "{\"failing\":true");
		add_names(out, resource);
		add_text(out, "run", run);
		buf_add_string(out, "}\n");
	}
}

static bool
write_file(int fd, const struct buf *text)
{
	size_t at = 0;

	while (at < text->len) {
		ssize_t n = write(fd, text->data + at, text->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

void
memory_write(const char *path, const char *run, int64_t now_ms,
    const struct resources *resources)
{
	struct buf text = BUF_INIT, new = BUF_INIT;
	bool good;
	int fd;

	for (size_t i = 0; i < resources->count; i++)
		add_resource(&text, &resources->all[i], run, now_ms);
	buf_printf(&new, "%s.XXXXXX", path);
	buf_terminate(&new);
	fd = mkostemp(new.data, O_CLOEXEC);
	good = fd >= 0 && write_file(fd, &text);
	if (fd >= 0)
		good = close(fd) == 0 && good;
	if (!good || rename(new.data, path) != 0) {
		log_warn("cannot write to %s: %s; the next call searches again",
		    path, strerror(errno));
		if (fd >= 0)
			unlink(new.data);
	}
	buf_free(&text);
	buf_free(&new);
}
