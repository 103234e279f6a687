#include "limits.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "log.h"

#define HOUR_S 3600
/* Requests arrive later than they are sent, some more than others. */
#define WINDOW_S (HOUR_S + 5)

/* A timer may be early, and the run before it may have taken a while. */
#define MINUTE_MS 50000

/* ---- reading ------------------------------------------------------------ */

static void
forget_all(struct limits *limits)
{
	for (size_t i = 0; i < limits->nall; i++) {
		free(limits->all[i].detail);
		free(limits->all[i].requests);
	}
	limits->nall = 0;
	resources_free(&limits->known);
	limits->known = (struct resources){.all = NULL};
}

static struct allowance *
allowance_of(struct limits *limits, const char *label, const char *id)
{
	size_t i = resources_add(&limits->known, label, id);

	while (limits->nall <= i) {
		limits->all = grow_by_one(
		    limits->all, limits->nall, sizeof(*limits->all));
		limits->all[limits->nall++] =
		    (struct allowance){.answered_ms = 0};
	}
	return &limits->all[i];
}

/* A number of digits as we write it, from 1 to `most`; else 0. */
static int64_t
number_up_to(const struct json_text *text, int64_t most)
{
	int64_t number;

	if (!text->simple || text->len > 15)
		return 0;
	number = strtoll(text->at, NULL, 10);
	return number > 0 && number <= most ? number : 0;
}

static void
add_request(struct allowance *allowance, int64_t second)
{
	if (allowance->nrequests == allowance->size)
		allowance->requests = grow_array(allowance->requests,
		    &allowance->size, sizeof(*allowance->requests));
	allowance->requests[allowance->nrequests++] = second;
}

static void
read_requests(struct json *json, struct allowance *allowance, int64_t now_s)
{
	struct json_text text;

	while (json_element(json)) {
		int64_t second;

		if (json_value(json, &text) != JSON_NUMBER) {
			json->error = "a request's time is no number";
			return;
		}
		second = number_up_to(&text, now_s);
		if (second > now_s - WINDOW_S)
			add_request(allowance, second);
	}
}

static void
read_number(struct allowance *allowance, const struct json_text *key,
    const struct json_text *text, int64_t now_ms)
{
	if (json_text_is(key, "answered"))
		allowance->answered_ms = number_up_to(text, now_ms);
	else if (json_text_is(key, "refused"))
		allowance->refused_ms = number_up_to(text, now_ms);
	else if (json_text_is(key, "held"))
		/* That one is in the future. */
		allowance->held_ms =
		    number_up_to(text, now_ms + HOUR_S * (int64_t)1000);
	else if (json_text_is(key, "largest"))
		allowance->largest = (uint64_t)number_up_to(text, INT64_MAX);
}

/* The members of a line's object, into an allowance of nobody's yet. */
static void
read_members(struct json *json, struct allowance *allowance, char **label,
    char **id, int64_t now_ms)
{
	struct json_text key, text;

	while (json_member(json, &key)) {
		enum json_type type = json_value(json, &text);

		if (type == JSON_ARRAY && json_text_is(&key, "requests"))
			read_requests(json, allowance, now_ms / 1000);
		else if (type == JSON_STRING && json_text_is(&key, "label"))
			*label = json_decoded(&text);
		else if (type == JSON_STRING && json_text_is(&key, "id"))
			*id = json_decoded(&text);
		else if (type == JSON_STRING && json_text_is(&key, "detail"))
			allowance->detail = json_decoded(&text);
		else if (type == JSON_NUMBER)
			read_number(allowance, &key, &text, now_ms);
		else
			json_skip(json, type);
	}
}

static bool
read_line(struct limits *limits, const char *line, size_t len, int64_t now_ms)
{
	struct allowance allowance = {.answered_ms = 0}, *to;
	char *label = NULL, *id = NULL;
	struct json json = JSON_INIT;
	struct json_text text;
	bool good;

	json_start(&json, line, len);
	if (json_value(&json, &text) == JSON_OBJECT)
		read_members(&json, &allowance, &label, &id, now_ms);
	good = json_end(&json) && label != NULL && id != NULL;
	to = good ? allowance_of(limits, label, id) : &allowance;
	if (good) {
		free(to->detail);
		free(to->requests);
		*to = allowance;
	} else {
		free(allowance.detail);
		free(allowance.requests);
	}
	free(label);
	free(id);
	json_free(&json);
	return good;
}

static int64_t
lock_and_read(struct limits *limits)
{
	int64_t now_ms = clock_now_ms(&limits->clock);
	const struct buf *text = &limits->file.text;
	bool good = true;

	shared_file_lock(&limits->file);
	forget_all(limits);
	for (size_t at = 0; at < text->len;) {
		const char *line = text->data + at;
		const char *end = memchr(line, '\n', text->len - at);
		size_t len =
		    end != NULL ? (size_t)(end - line) : text->len - at;

		if (len > 0)
			good = read_line(limits, line, len, now_ms) && good;
		at += len + 1;
	}
	if (!good)
		log_warn("%s: garbage in it counts for nothing, and is removed",
		    limits->file.path);
	return now_ms;
}

/* ---- writing ------------------------------------------------------------ */

static void
write_line(struct buf *out, const struct resource *resource,
    const struct allowance *allowance)
{
	buf_add_string(out, "{\"label\":\"");
	json_escape_any(out, resource->label);
	buf_add_string(out, "\",\"id\":\"");
	json_escape_any(out, resource->id);
	buf_printf(
	    out, "\",\"answered\":%lld", (long long)allowance->answered_ms);
	if (allowance->held_ms > 0)
		buf_printf(
		    out, ",\"held\":%lld", (long long)allowance->held_ms);
	if (allowance->refused_ms > 0) {
		buf_printf(out, ",\"refused\":%lld,\"detail\":\"",
		    (long long)allowance->refused_ms);
		json_escape_any(
		    out, allowance->detail != NULL ? allowance->detail : "");
		buf_add_char(out, '"');
	}
	buf_printf(out, ",\"largest\":%llu,\"requests\":[",
	    (unsigned long long)allowance->largest);
	for (size_t i = 0; i < allowance->nrequests; i++)
		buf_printf(out, "%s%lld", i > 0 ? "," : "",
		    (long long)allowance->requests[i]);
	buf_add_string(out, "]}\n");
}

/* What has not been requested for an hour, nor told to wait, is forgotten. */
static void
write_and_unlock(struct limits *limits, int64_t now_ms)
{
	struct buf *out = &limits->file.text;

	out->len = 0;
	for (size_t i = 0; i < limits->nall; i++)
		if (limits->all[i].nrequests > 0 ||
		    limits->all[i].held_ms > now_ms)
			write_line(out, &limits->known.all[i], &limits->all[i]);
	buf_terminate(out);
	shared_file_write(&limits->file);
}

/* ---- the file ----------------------------------------------------------- */

/* A key id is letters and digits; what is not is written as in a URL. */
static char *
file_name(const char *host, const char *key)
{
	struct buf name = BUF_INIT;

	buf_printf(&name, "%s.export.", host);
	for (; *key != '\0'; key++) {
		bool plain = (*key >= '0' && *key <= '9') ||
		    ((*key | 0x20) >= 'a' && (*key | 0x20) <= 'z');

		if (plain)
			buf_add_char(&name, *key);
		else
			buf_printf(&name, "%%%02X", (unsigned char)*key);
	}
	return buf_terminate(&name);
}

void
limits_open(struct limits *limits, const char *host, const char *key,
    const struct ccm_clock *clock)
{
	*limits =
	    (struct limits){.name = file_name(host, key), .clock = *clock};
	shared_file_open(
	    &limits->file, limits->name, "the count of requests for /export");
}

void
limits_close(struct limits *limits)
{
	forget_all(limits);
	free(limits->all);
	shared_file_close(&limits->file);
	free(limits->name);
}

/* ---- questions ---------------------------------------------------------- */

void
limits_read(struct limits *limits)
{
	write_and_unlock(limits, lock_and_read(limits));
}

const struct allowance *
limits_find(struct limits *limits, const struct resource *resource)
{
	return allowance_of(limits, resource->label, resource->id);
}

static struct allowance *
change(struct limits *limits, const struct resource *resource)
{
	return allowance_of(limits, resource->label, resource->id);
}

/* Until when its requests of the last hour are `most` or more; 0: they are
 * fewer. */
static int64_t
hour_until(const struct allowance *allowance, size_t most)
{
	size_t n = allowance->nrequests;

	if (n < most)
		return 0;
	return (allowance->requests[n - most] + WINDOW_S) * 1000;
}

enum hold
limits_check(
    struct limits *limits, const struct resource *resource, int64_t *until_ms)
{
	const struct allowance *allowance = limits_find(limits, resource);
	int64_t now_ms = clock_now_ms(&limits->clock);
	int64_t hour_ms = hour_until(allowance, LIMITS_PER_HOUR);
	enum hold hold = HOLD_NONE;

	*until_ms = now_ms;
	if (allowance->answered_ms + MINUTE_MS > *until_ms) {
		hold = HOLD_MINUTE;
		*until_ms = allowance->answered_ms + MINUTE_MS;
	}
	if (hour_ms > *until_ms) {
		hold = HOLD_HOUR;
		*until_ms = hour_ms;
	}
	if (allowance->held_ms > *until_ms) {
		hold = HOLD_API;
		*until_ms = allowance->held_ms;
	}
	return hold;
}

size_t
limits_take(struct limits *limits, const struct resources *resources,
    const size_t *chosen, size_t nchosen, bool is_retry, size_t *held,
    int64_t *until_ms)
{
	size_t most = LIMITS_PER_HOUR - (is_retry ? LIMITS_RESERVE : 0);
	int64_t now_ms = lock_and_read(limits);
	size_t nheld = 0;

	*until_ms = 0;
	for (size_t i = 0; i < nchosen; i++) {
		const struct allowance *allowance =
		    limits_find(limits, &resources->all[chosen[i]]);
		int64_t until = hour_until(allowance, most);

		if (until > 0)
			held[nheld++] = chosen[i];
		if (until > *until_ms)
			*until_ms = until;
	}
	for (size_t i = 0; i < nchosen && nheld == 0; i++)
		add_request(
		    change(limits, &resources->all[chosen[i]]), now_ms / 1000);
	write_and_unlock(limits, now_ms);
	return nheld;
}

/* ---- answers ------------------------------------------------------------ */

void
limits_answered(struct limits *limits, const struct resources *resources,
    const size_t *chosen, size_t nchosen, const uint64_t *largest)
{
	int64_t now_ms = lock_and_read(limits);

	for (size_t i = 0; i < nchosen; i++) {
		const struct resource *resource = &resources->all[chosen[i]];
		struct allowance *allowance = change(limits, resource);

		allowance->answered_ms = now_ms;
		allowance->largest = largest[chosen[i]];
		allowance->held_ms = allowance->refused_ms = 0;
	}
	write_and_unlock(limits, now_ms);
}

void
limits_held(struct limits *limits, const struct resources *resources,
    const size_t *chosen, size_t nchosen, int64_t until_ms)
{
	int64_t now_ms = lock_and_read(limits);

	for (size_t i = 0; i < nchosen; i++)
		change(limits, &resources->all[chosen[i]])->held_ms = until_ms;
	write_and_unlock(limits, now_ms);
}

void
limits_refused(struct limits *limits, const struct resources *resources,
    const size_t *chosen, size_t nchosen, const char *detail)
{
	int64_t now_ms = lock_and_read(limits);

	for (size_t i = 0; i < nchosen; i++) {
		struct allowance *allowance =
		    change(limits, &resources->all[chosen[i]]);

		allowance->refused_ms = now_ms;
		free(allowance->detail);
		allowance->detail = xstrdup(detail);
	}
	write_and_unlock(limits, now_ms);
}
