/*
 * What becomes of a batch by its answer: it is written, sent again, split, or
 * given up.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clock.h"
#include "export.h"
#include "plural.h"
#include "work.h"

/* A longer pause is not for the address, whose window is a minute, but for a
 * resource, whose window is an hour. */
#define ADDRESS_PAUSE_MAX_MS 61000

/* Where the API does not say how long a 429 lasts. */
#define HELD_MS 300000

/* ---- resources that the answer is about --------------------------------- */

static bool
is_id_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* Is the id in the text, as a word of its own? */
static bool
names(const char *text, const char *id)
{
	size_t len = strlen(id);

	for (const char *at = text; (at = strstr(at, id)) != NULL; at++)
		if ((at == text || !is_id_char(at[-1])) && !is_id_char(at[len]))
			return true;
	return false;
}

/* Marks the batch's resources, by position, that a detail names. */
static size_t
mark_named(const struct batch *batch, const char *detail, bool *marked)
{
	const struct resource *all = batch->export->run->resources.all;
	size_t count = 0;

	for (size_t i = 0; i < batch->nresources; i++) {
		marked[i] = detail != NULL &&
		    names(detail, all[batch->resources[i]].id);
		count += marked[i];
	}
	return count;
}

static bool *
marks(const struct batch *batch)
{
	bool *marked = xmalloc(batch->nresources + 1);

	memset(marked, 0, batch->nresources + 1);
	return marked;
}

/* The indices of those that are marked. To be freed. */
static size_t *
marked_resources(const struct batch *batch, const bool *marked, size_t *count)
{
	size_t *chosen =
	    xreallocarray(NULL, batch->nresources + 1, sizeof(*chosen));

	*count = 0;
	for (size_t i = 0; i < batch->nresources; i++)
		if (marked[i])
			chosen[(*count)++] = batch->resources[i];
	return chosen;
}

/* The rest of the batch is requested, and that is no retry. */
static void
request_rest(struct batch *batch)
{
	free(batch->why);
	batch->why = NULL;
	batch->attempts = 0;
	batch->ready_ms = 0;
	batch->phase = BATCH_READY;
	store_truncate(&batch->store, 0);
	if (batch->nresources == 0)
		batch_end(batch);
}

static void
split_in_halves(struct batch *batch)
{
	bool *marked = marks(batch);

	for (size_t i = batch->nresources / 2; i < batch->nresources; i++)
		marked[i] = true;
	batch_split(batch, marked);
	free(marked);
	request_rest(batch);
}

/* ---- failures ----------------------------------------------------------- */

void
batch_give_up(struct batch *batch, int status, const char *why)
{
	struct run *run = batch->export->run;
	struct buf name = BUF_INIT;

	batch_describe(batch, &name);
	run_report(run, LOG_LEVEL_ERROR, "%s: %s", name.data, why);
	statuses_add(&run->tally.statuses, status);
	run->tally.unanswered++;
	store_truncate(&batch->store, 0);
	batch_end(batch);
	buf_free(&name);
}

/* Something that may be otherwise in a moment. */
static void
try_again(struct batch *batch, const char *why)
{
	int64_t delay_ms, asked_ms = batch->transfer.wait_ms;
	struct buf end = BUF_INIT, name = BUF_INIT;

	delay_ms = backoff_ms(++batch->attempts);
	if (asked_ms > delay_ms)
		delay_ms = asked_ms;
	if (delay_ms > WAIT_MAX_MS)
		buf_printf(&end,
		    "%s; the API wants a pause of %lld s, which is too long "
		    "for this run",
		    why, (long long)(delay_ms / 1000));
	else if (batch->attempts == ATTEMPTS)
		buf_printf(
		    &end, "%s; gave up after %d attempts", why, ATTEMPTS);
	if (end.len > 0) {
		batch_give_up(batch, EX_TEMPFAIL, end.data);
		buf_free(&end);
		return;
	}
	batch_describe(batch, &name);
	(batch->attempts == 1 ? log_info : log_debug)(
	    "%s: %s; attempt %d of %d in %.1f s", name.data, why,
	    batch->attempts + 1, ATTEMPTS, (double)delay_ms / 1000);
	free(batch->why);
	batch->why = xstrdup(why);
	batch->ready_ms = clock_ms() + delay_ms;
	batch->phase = BATCH_READY;
	buf_free(&name);
}

/* ---- refusals ----------------------------------------------------------- */

/* Those that are marked are refused for good; the rest is requested. */
static void
refuse(struct batch *batch, const bool *marked, const struct answer *answer)
{
	struct export *export = batch->export;
	struct run *run = export->run;
	size_t count, *chosen = marked_resources(batch, marked, &count);

	for (size_t i = 0; i < count; i++) {
		struct resource *resource = &run->resources.all[chosen[i]];

		resource_refuse(resource, answer->status, answer->detail);
		run_report(run, LOG_LEVEL_ERROR,
		    "%s %s: refused for API key %s: HTTP %ld: %s; left out",
		    resource->label, resource->id,
		    config_credential_name(run->config), answer->status,
		    answer->detail);
	}
	statuses_add(&run->tally.statuses,
	    answer->status == 403 ? EX_NOPERM : EX_UNAVAILABLE);
	if (answer->status == 403)
		limits_refused(&export->limits, &run->resources, chosen, count,
		    answer->detail);
	run->tally.refused++;
	batch_remove(batch, marked);
	request_rest(batch);
	free(chosen);
}

/* A resource alone gets the same 400 as the whole, and nothing was answered: it
 * is not the resource. */
static bool
is_bad_request(const struct batch *batch, const struct answer *answer)
{
	const struct export *export = batch->export;

	return answer->status == 400 && export->run->tally.answered == 0 &&
	    export->refused_detail != NULL &&
	    strcmp(export->refused_detail, answer->detail) == 0;
}

static void
refuse_all(struct batch *batch, const struct answer *answer)
{
	struct run *run = batch->export->run;

	run_report(run, LOG_LEVEL_ERROR,
	    "the API refused the request, whatever the resource: HTTP %ld: %s",
	    answer->status, answer->detail);
	statuses_add(&run->tally.statuses, EX_UNAVAILABLE);
	run->tally.refused++;
	for (struct batch *b = batch->export->first; b != NULL; b = b->next)
		if (b->phase == BATCH_READY)
			batch_end(b);
	batch_end(batch);
}

/* The API's own 404: it has nothing of that resource. */
static void
note_no_data(struct batch *batch)
{
	struct run *run = batch->export->run;

	run->resources.all[batch->resources[0]].answered = true;
	run->tally.nodata++;
	batch_end(batch);
}

/* 400, 403 or 404, the API's own. */
static void
refused(struct batch *batch, const struct answer *answer)
{
	struct export *export = batch->export;
	bool *marked = marks(batch);
	size_t named = answer->status == 404
	    ? 0
	    : mark_named(batch, answer->detail, marked);

	if (named > 0) {
		refuse(batch, marked, answer);
	} else if (batch->nresources > 1) {
		if (export->refused_detail == NULL && answer->status == 400)
			export->refused_detail = xstrdup(answer->detail);
		split_in_halves(batch);
	} else if (answer->status == 404) {
		note_no_data(batch);
	} else if (is_bad_request(batch, answer)) {
		refuse_all(batch, answer);
	} else {
		marked[0] = true;
		refuse(batch, marked, answer);
	}
	free(marked);
}

/* 429 for resources that the detail names, or for all of them where the pause
 * is long: the others are requested. False where it is for the address. */
static bool
throttled(struct batch *batch, const struct answer *answer)
{
	struct export *export = batch->export;
	int64_t wait_ms = batch->transfer.wait_ms, until_ms;
	bool *marked = marks(batch);
	size_t count, *chosen;

	if (mark_named(batch, answer->detail, marked) == 0) {
		if (wait_ms <= ADDRESS_PAUSE_MAX_MS) {
			free(marked);
			return false;
		}
		memset(marked, true, batch->nresources);
	}
	chosen = marked_resources(batch, marked, &count);
	until_ms = clock_now_ms(&export->limits.clock) +
	    (wait_ms > 0 ? wait_ms : HELD_MS);
	limits_held(
	    &export->limits, &export->run->resources, chosen, count, until_ms);
	for (size_t i = 0; i < count; i++)
		export_hold(export, chosen[i], HOLD_API, until_ms);
	batch_remove(batch, marked);
	request_rest(batch);
	free(chosen);
	free(marked);
	return true;
}

/* ---- answers ------------------------------------------------------------ */

/* Adds a name to a list of names, once. */
static void
note_name(char ***list, size_t *count, const char *name)
{
	for (size_t i = 0; i < *count; i++)
		if (strcmp((*list)[i], name) == 0)
			return;
	*list = grow_by_one(*list, *count, sizeof(**list));
	(*list)[(*count)++] = xstrdup(name);
}

/* A family has as many samples as the API answers: the resources of its type go
 * in two requests. False where it is of one resource. */
static bool
split_cut_family(struct batch *batch)
{
	const struct resource *all = batch->export->run->resources.all;
	const char *label = all[batch->scrape.cut_resource].label;
	bool *marked = marks(batch);
	size_t count = 0, seen = 0;

	for (size_t i = 0; i < batch->nresources; i++)
		count += strcmp(all[batch->resources[i]].label, label) == 0;
	for (size_t i = 0; i < batch->nresources; i++)
		if (strcmp(all[batch->resources[i]].label, label) == 0)
			marked[i] = seen++ >= count / 2;
	if (count > 1) {
		log_info("%s: %d samples, which is the most that the API "
			 "answers; requesting %zu resources in two parts",
		    batch->scrape.cut_family, SCRAPE_SAMPLES_MAX, count);
		batch_split(batch, marked);
		request_rest(batch);
	}
	free(marked);
	return count > 1;
}

/* 200 may say that a resource is refused. */
static void
note_inaccessible(struct batch *batch)
{
	struct run *run = batch->export->run;

	for (size_t i = 0; i < run->resources.count; i++) {
		struct resource *resource = &run->resources.all[i];

		if (!batch->scrape.inaccessible[i] || resource->refused != 0)
			continue;
		resource_refuse(resource, 403,
		    "confluent_scrape_resource_access_error is 1");
		run_report(run, LOG_LEVEL_ERROR,
		    "%s %s: refused for API key %s: "
		    "confluent_scrape_resource_access_error is 1",
		    resource->label, resource->id,
		    config_credential_name(run->config));
		statuses_add(&run->tally.statuses, EX_NOPERM);
	}
}

static void
note_contents(struct batch *batch)
{
	struct export *export = batch->export;
	struct run *run = export->run;
	const struct scrape *scrape = &batch->scrape;

	for (size_t i = 0; i < scrape->nfailed; i++)
		note_name(&export->failed_metrics, &export->nfailed,
		    scrape->failed[i]);
	if (scrape->cut_family != NULL) {
		note_name(
		    &export->cut_families, &export->ncut, scrape->cut_family);
		run_report(run, LOG_LEVEL_WARN,
		    "%s: the API answers %d samples at most; the rest of them "
		    "is missing",
		    scrape->cut_family, SCRAPE_SAMPLES_MAX);
	}
	if (scrape->unreadable > 0) {
		run_report(run, LOG_LEVEL_ERROR,
		    "%llu line%s of the answer cannot be read, passed on: the "
		    "first: %s",
		    (unsigned long long)scrape->unreadable,
		    plural(scrape->unreadable),
		    buf_terminate(&batch->scrape.problem));
		statuses_add(&run->tally.statuses, EX_DATAERR);
		run->tally.unreadable += scrape->unreadable;
	}
	note_inaccessible(batch);
}

static void
answered(struct batch *batch)
{
	struct export *export = batch->export;
	struct run *run = export->run;
	char *content_type = NULL;

	curl_easy_getinfo(
	    batch->transfer.easy, CURLINFO_CONTENT_TYPE, &content_type);
	if (!scrape_end(&batch->scrape, content_type)) {
		try_again(batch, batch->scrape.error);
		return;
	}
	run_note_date(run, &batch->transfer);
	limits_answered(&export->limits, &run->resources, batch->resources,
	    batch->nresources, batch->scrape.largest);
	if (batch->scrape.cut_family != NULL && split_cut_family(batch))
		return;
	for (size_t i = 0; i < batch->nresources; i++) {
		size_t r = batch->resources[i];

		run->resources.all[r].answered = true;
		run->resources.all[r].has_points = batch->scrape.largest[r] > 0;
		export->newest_ms[r] = batch->scrape.newest_ms[r];
	}
	note_contents(batch);
	run->tally.answered++;
	run->tally.points += batch->scrape.samples;
	batch_end(batch);
}

/* Ended by us, in the middle: over the limit of bytes. */
static bool
is_too_long(struct batch *batch)
{
	long most = batch->export->run->config->query_bytes;
	struct buf why = BUF_INIT;

	if (batch->bytes <= most)
		return false;
	buf_printf(&why,
	    "the answer is over %ld bytes (CONFLUENT_METRICS_QUERY_BYTES)",
	    most);
	batch_give_up(batch, EX_TEMPFAIL, why.data);
	buf_free(&why);
	return true;
}

static void
no_answer(struct batch *batch, const struct answer *answer)
{
	struct buf why = BUF_INIT;

	if (batch->scrape.error != NULL)
		buf_printf(&why, "%s", batch->scrape.error);
	else
		answer_describe(answer, &batch->transfer, &why);
	if (answer->verdict == VERDICT_RETRY)
		try_again(batch, why.data);
	else
		batch_give_up(batch, answer->status_alone, why.data);
	buf_free(&why);
}

void
batch_on_end(struct batch *batch)
{
	struct run *run = batch->export->run;
	struct answer answer = answer_read(&batch->transfer);

	run_note_answer(run, &batch->transfer);
	if (is_too_long(batch)) {
		;
	} else if (answer.verdict == VERDICT_PAGE) {
		answered(batch);
	} else if (answer.verdict == VERDICT_UNAUTHORISED) {
		run_unauthorised(run, answer.status, answer.detail);
		run->tally.unanswered++;
		batch_end(batch);
	} else if (answer.verdict == VERDICT_REFUSED ||
	    answer.verdict == VERDICT_NO_DATA) {
		refused(batch, &answer);
	} else if (answer.status != 429 || !throttled(batch, &answer)) {
		if (batch->transfer.wait_ms <= ADDRESS_PAUSE_MAX_MS)
			run_note_pause(run, &batch->transfer);
		no_answer(batch, &answer);
	}
	answer_free(&answer);
}
