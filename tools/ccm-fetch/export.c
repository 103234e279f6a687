#include "export.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "plural.h"
#include "work.h"

#define PATH "/v2/metrics/cloud/export?"
#define URL_LENGTH_MAX 4000
#define PARALLEL 3

/* ---- batches ------------------------------------------------------------ */

static struct batch *
batch_new(struct export *export)
{
	struct batch *batch = xmalloc(sizeof(*batch));

	*batch = (struct batch){.export = export, .store = STORE_INIT};
	batch->scrape = (struct scrape){.resources = &export->run->resources,
	    .store = &batch->store,
	    .openmetrics = export->openmetrics,
	    .reader = EXPOSITION_READER_INIT};
	export->nbatches++;
	return batch;
}

static void
batch_add(struct batch *batch, size_t resource)
{
	batch->resources = grow_by_one(
	    batch->resources, batch->nresources, sizeof(*batch->resources));
	batch->resources[batch->nresources++] = resource;
}

static void
batch_free(struct batch *batch)
{
	transfer_free(&batch->export->run->http, &batch->transfer);
	scrape_free(&batch->scrape);
	store_free(&batch->store);
	free(batch->resources);
	free(batch->why);
	free(batch);
}

void
batch_describe(const struct batch *batch, struct buf *out)
{
	size_t others = batch->nresources - 1;
	const struct resource *first =
	    &batch->export->run->resources.all[batch->resources[0]];

	buf_printf(out, "%s %s", first->label, first->id);
	if (others > 0)
		buf_printf(out, " and %zu other%s", others, plural(others));
	buf_terminate(out);
}

void
batch_remove(struct batch *batch, const bool *marked)
{
	size_t kept = 0;

	for (size_t i = 0; i < batch->nresources; i++)
		if (!marked[i])
			batch->resources[kept++] = batch->resources[i];
	batch->nresources = kept;
}

void
batch_split(struct batch *batch, const bool *marked)
{
	struct batch *other = batch_new(batch->export);

	for (size_t i = 0; i < batch->nresources; i++)
		if (marked[i])
			batch_add(other, batch->resources[i]);
	batch_remove(batch, marked);
	other->next = batch->next;
	batch->next = other;
}

void
batch_end(struct batch *batch)
{
	batch->phase = BATCH_ENDED;
}

/* ---- what goes together ------------------------------------------------- */

/* resource.kafka.id=lkc-1& */
static void
write_argument(struct buf *url, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);

	if (escaped == NULL)
		die(EX_OSERR, "out of memory");
	buf_printf(url, "%s=%s&", name, escaped);
	curl_free(escaped);
}

static void
write_suffix(struct export *export)
{
	const struct flags *flags = export->flags;
	struct buf *suffix = &export->suffix;

	for (size_t i = 0; i < flags->nmetrics; i++)
		write_argument(suffix, "metric", flags->metrics[i]);
	if (export->ignores_failed)
		write_argument(suffix, "ignore_failed_metrics", "true");
}

static void
write_url(const struct batch *batch, struct buf *url)
{
	const struct export *export = batch->export;
	const struct resource *all = export->run->resources.all;

	buf_printf(url, "%s" PATH, export->run->config->api.base);
	for (size_t i = 0; i < batch->nresources; i++)
		write_argument(url, all[batch->resources[i]].label,
		    all[batch->resources[i]].id);
	buf_add(url, export->suffix.data, export->suffix.len);
	url->len--; /* the last & */
	buf_terminate(url);
}

/* The samples that the largest family of a type can have in the batch. */
static uint64_t
weight_of_type(const struct batch *batch, const char *label)
{
	struct export *export = batch->export;
	uint64_t weight = 0;

	for (size_t i = 0; i < batch->nresources; i++) {
		const struct resource *resource =
		    &export->run->resources.all[batch->resources[i]];

		if (strcmp(resource->label, label) == 0)
			weight +=
			    limits_find(&export->limits, resource)->largest;
	}
	return weight;
}

static bool
fits(struct batch *batch, size_t resource)
{
	struct export *export = batch->export;
	const struct resource *all = export->run->resources.all;
	struct buf url = BUF_INIT;
	bool good;

	batch_add(batch, resource);
	write_url(batch, &url);
	good = url.len <= URL_LENGTH_MAX &&
	    weight_of_type(batch, all[resource].label) < SCRAPE_SAMPLES_MAX;
	batch->nresources--;
	if (batch->nresources == 0 && url.len > URL_LENGTH_MAX)
		die(EX_USAGE,
		    "with -m, the URL for %s %s is over %d bytes; name fewer "
		    "metrics",
		    all[resource].label, all[resource].id, URL_LENGTH_MAX);
	buf_free(&url);
	return good || batch->nresources == 0;
}

/* Puts resources in batches, in their order, behind those that are there. */
static void
pack(struct export *export, const size_t *resources, size_t count)
{
	struct batch **end = &export->first, *batch = NULL;

	while (*end != NULL)
		end = &(*end)->next;
	for (size_t i = 0; i < count; i++) {
		if (batch == NULL || !fits(batch, resources[i])) {
			batch = batch_new(export);
			*end = batch;
			end = &batch->next;
			fits(batch, resources[i]);
		}
		batch_add(batch, resources[i]);
	}
}

/* ---- what is left out --------------------------------------------------- */

void
export_hold(
    struct export *export, size_t resource, enum hold why, int64_t until_ms)
{
	export->held =
	    grow_by_one(export->held, export->nheld, sizeof(*export->held));
	export->held[export->nheld++] = (struct held){resource, why, until_ms};
	statuses_add(&export->run->tally.statuses, EX_TEMPFAIL);
}

/* What an earlier run has found refused: so for a while, in the same words. */
static bool
is_left_out(struct export *export, struct resource *resource)
{
	const struct allowance *known = limits_find(&export->limits, resource);

	if (known->refused_ms == 0 ||
	    clock_now_ms(&export->limits.clock) - known->refused_ms >=
		LIMITS_REFUSED_MS)
		return false;
	resource_refuse(
	    resource, 403, known->detail != NULL ? known->detail : "");
	statuses_add(&export->run->tally.statuses, EX_NOPERM);
	return true;
}

static void
report_left_out(struct export *export)
{
	const struct resources *resources = &export->run->resources;
	const struct resource *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < resources->count; i++) {
		if (resources->all[i].refused == 0)
			continue;
		if (count++ == 0)
			first = &resources->all[i];
	}
	if (count > 0)
		run_report(export->run, LOG_LEVEL_WARN,
		    "%zu resource%s left out, refused for API key %s less than "
		    "15 minutes ago: %s %s: HTTP 403: %s%s",
		    count, plural(count),
		    config_credential_name(export->run->config), first->label,
		    first->id, first->detail, count > 1 ? "; ..." : "");
}

/* Those that were refused before go behind the others, in their own batches. */
static void
make_batches(struct export *export)
{
	struct resources *resources = &export->run->resources;
	size_t *good, *refused, ngood = 0, nrefused = 0;

	good = xreallocarray(NULL, resources->count + 1, sizeof(*good));
	refused = xreallocarray(NULL, resources->count + 1, sizeof(*refused));
	limits_read(&export->limits);
	for (size_t i = 0; i < resources->count; i++) {
		struct resource *resource = &resources->all[i];
		int64_t until_ms;
		enum hold why =
		    limits_check(&export->limits, resource, &until_ms);

		if (why != HOLD_NONE && !export->only_prints)
			export_hold(export, i, why, until_ms);
		else if (is_left_out(export, resource))
			continue;
		else if (limits_find(&export->limits, resource)->refused_ms > 0)
			refused[nrefused++] = i;
		else
			good[ngood++] = i;
	}
	report_left_out(export);
	pack(export, good, ngood);
	pack(export, refused, nrefused);
	free(good);
	free(refused);
}

/* ---- requests ----------------------------------------------------------- */

static bool
on_data(void *context, const char *bytes, size_t len)
{
	struct batch *batch = context;

	batch->bytes += (int64_t)len;
	return batch->bytes <= batch->export->run->config->query_bytes &&
	    scrape_feed(&batch->scrape, bytes, len);
}

/* Counts the request for all of the batch; what may not be requested is held
 * back. False where nothing is left. */
static bool
take_allowance(struct batch *batch)
{
	struct export *export = batch->export;
	const struct resources *resources = &export->run->resources;
	size_t *held =
	    xreallocarray(NULL, batch->nresources + 1, sizeof(*held));
	int64_t until_ms;
	size_t nheld;

	while (batch->nresources > 0 &&
	    (nheld = limits_take(&export->limits, resources, batch->resources,
		 batch->nresources, batch->why != NULL, held, &until_ms)) > 0) {
		bool *marked = xmalloc(batch->nresources);
		size_t h = 0;

		if (batch->why != NULL)
			run_report(export->run, LOG_LEVEL_WARN,
			    "%s %s: %s; no retry, as it would take one of the "
			    "last %d requests of this hour",
			    resources->all[held[0]].label,
			    resources->all[held[0]].id, batch->why,
			    LIMITS_RESERVE);
		for (size_t i = 0; i < batch->nresources; i++) {
			marked[i] = h < nheld && batch->resources[i] == held[h];
			if (!marked[i])
				continue;
			export_hold(export, held[h++], HOLD_HOUR, until_ms);
		}
		batch_remove(batch, marked);
		free(marked);
	}
	free(held);
	return batch->nresources > 0;
}

static void
batch_start(struct batch *batch)
{
	struct export *export = batch->export;
	struct run *run = export->run;
	struct buf url = BUF_INIT;

	if (!take_allowance(batch)) {
		batch_end(batch);
		return;
	}
	write_url(batch, &url);
	store_truncate(&batch->store, 0);
	scrape_start(&batch->scrape);
	batch->bytes = 0;
	batch->transfer.data = on_data;
	batch->transfer.context = batch;
	batch->phase = BATCH_ACTIVE;
	run->tally.requests++;
	run->tally.retries += batch->why != NULL;
	log_debug("request: %s", url.data);
	http_start(&run->http, &batch->transfer, batch, url.data, NULL, 0);
	buf_free(&url);
}

/* ---- the schedule ------------------------------------------------------- */

/* Starts what may be started; returns for how long nothing else will. */
static int64_t
start_ready(struct export *export)
{
	struct run *run = export->run;
	/* One scout first, as for queries; and one while it looks as if the
	 * request were bad, whatever the resources. */
	bool doubt = export->refused_detail != NULL && run->tally.answered == 0;
	size_t active = 0, most = run->heard && !doubt ? PARALLEL : 1;
	int64_t wait_ms = 1000, now_ms = clock_ms(), turn_ms;

	for (struct batch *b = export->first; b != NULL; b = b->next)
		active += b->phase == BATCH_ACTIVE;
	for (struct batch *b = export->first; b != NULL && active < most;
	     b = b->next) {
		if (b->phase != BATCH_READY)
			continue;
		if (b->ready_ms > now_ms) {
			if (b->ready_ms - now_ms < wait_ms)
				wait_ms = b->ready_ms - now_ms;
			continue;
		}
		turn_ms = rate_take(&run->rate);
		if (turn_ms > WAIT_MAX_MS) {
			batch_give_up(b, EX_TEMPFAIL,
			    "the API wants a pause that is too long for this "
			    "run");
			continue;
		}
		if (turn_ms > 0)
			return turn_ms < wait_ms ? turn_ms : wait_ms;
		batch_start(b);
		active += b->phase == BATCH_ACTIVE;
	}
	return wait_ms;
}

/* Writes the batches that have ended, up to the first that has not. */
static void
write_ended(struct export *export)
{
	while (export->first != NULL && export->first->phase == BATCH_ENDED) {
		struct batch *batch = export->first;

		store_flush(&batch->store);
		export->first = batch->next;
		batch_free(batch);
	}
}

/* After a 401 no request is sent; those under way may end. */
static void
end_waiting(struct export *export)
{
	for (struct batch *b = export->first; b != NULL; b = b->next)
		if (b->phase == BATCH_READY)
			batch_end(b);
}

static void
work(struct export *export, int64_t wait_ms)
{
	struct batch *ended =
	    http_wait(&export->run->http, (int)(wait_ms > 0 ? wait_ms : 1));

	if (ended != NULL)
		batch_on_end(ended);
}

/* ---- reports ------------------------------------------------------------ */

static const char *
hold_reason(enum hold why)
{
	switch (why) {
	case HOLD_MINUTE:
		return "answered less than 50 s ago";
	case HOLD_HOUR:
		return "their requests of this hour are used up (80 for each)";
	default:
		return "the API has answered 429";
	}
}

/* One line, whatever the reasons: the first one's, and the last time. */
static void
report_held(const struct export *export)
{
	const struct resource *first;
	int64_t until_ms = 0;
	char time[TIME_SIZE];

	if (export->nheld == 0)
		return;
	for (size_t i = 0; i < export->nheld; i++)
		if (export->held[i].until_ms > until_ms)
			until_ms = export->held[i].until_ms;
	time_format((time_t)((until_ms + 999) / 1000), time);
	first = &export->run->resources.all[export->held[0].resource];
	run_report(export->run, LOG_LEVEL_WARN,
	    "%zu resource%s held back until %s, such as %s %s: %s",
	    export->nheld, plural(export->nheld), time, first->label, first->id,
	    hold_reason(export->held[0].why));
}

static void
report_failed(const struct export *export)
{
	struct buf names = BUF_INIT;

	for (size_t i = 0; i < export->nfailed; i++)
		buf_printf(&names, "%s%s", i > 0 ? ", " : "",
		    export->failed_metrics[i]);
	if (export->nfailed > 0)
		run_report(export->run, LOG_LEVEL_WARN,
		    "the API could not export %zu metric%s: %s",
		    export->nfailed, plural(export->nfailed), names.data);
	buf_free(&names);
}

void
export_plan(struct export *export, struct run *run)
{
	const struct flags *flags = export->flags;

	export->run = run;
	for (size_t i = 0; i < flags->nselectors; i++) {
		const struct selector *selector = &flags->selectors[i];

		for (size_t j = 0; j < selector->nids; j++) {
			size_t r = resources_add(
			    &run->resources, selector->label, selector->ids[j]);

			run->resources.all[r].asked = true;
		}
	}
}

static void
request_all(struct export *export)
{
	for (;;) {
		int64_t wait_ms;

		if (export->run->unauthorised)
			end_waiting(export);
		wait_ms = start_ready(export);
		write_ended(export);
		if (export->first == NULL)
			break;
		work(export, wait_ms);
		write_ended(export);
	}
}

/* What would be requested, a URL a line. */
static void
print_urls(struct export *export)
{
	struct buf url = BUF_INIT;

	while (export->first != NULL) {
		struct batch *batch = export->first;

		url.len = 0;
		write_url(batch, &url);
		buf_add_char(&url, '\n');
		write_or_die(
		    STDOUT_FILENO, "standard output", url.data, url.len);
		export->first = batch->next;
		batch_free(batch);
	}
	buf_free(&url);
}

void
export_run(struct export *export, const struct ccm_clock *clock)
{
	struct run *run = export->run;

	export->newest_ms = xreallocarray(
	    NULL, run->resources.count + 1, sizeof(*export->newest_ms));
	memset(export->newest_ms, 0,
	    (run->resources.count + 1) * sizeof(*export->newest_ms));
	write_suffix(export);
	limits_open(&export->limits, run->config->api.file_name,
	    config_credential_name(run->config), clock);
	http_accept(&run->http,
	    export->openmetrics
		? "Accept: application/openmetrics-text;version=1.0.0"
		: "Accept: text/plain;version=0.0.4");
	make_batches(export);
	if (export->only_prints) {
		print_urls(export);
		limits_close(&export->limits);
		return;
	}
	request_all(export);
	rate_note_export(&run->rate, run->tally.requests);
	limits_close(&export->limits);
	report_held(export);
	report_failed(export);
}

/* ---- the summary -------------------------------------------------------- */

static void
write_names(struct buf *out, const char *name, char *const *names, size_t count)
{
	buf_printf(out, ",\"%s\":[", name);
	for (size_t i = 0; i < count; i++) {
		buf_add_string(out, i > 0 ? ",\"" : "\"");
		json_escape_any(out, names[i]);
		buf_add_char(out, '"');
	}
	buf_add_char(out, ']');
}

/* {"resource.kafka.id":MS,...} */
static void
write_newest(const struct export *export, struct buf *out)
{
	const struct flags *flags = export->flags;
	const struct resources *resources = &export->run->resources;

	buf_add_string(out, ",\"newest_samples\":{");
	for (size_t i = 0; i < flags->nselectors; i++) {
		const char *label = flags->selectors[i].label;
		int64_t newest_ms = 0;

		for (size_t r = 0; r < resources->count; r++)
			if (strcmp(resources->all[r].label, label) == 0 &&
			    export->newest_ms[r] > newest_ms)
				newest_ms = export->newest_ms[r];
		buf_printf(out, "%s\"", i > 0 ? "," : "");
		json_escape_any(out, label);
		if (newest_ms > 0)
			buf_printf(out, "\":%lld", (long long)newest_ms);
		else
			buf_add_string(out, "\":null");
	}
	buf_add_char(out, '}');
}

void
export_summarize(const struct export *export, struct buf *out)
{
	buf_add_string(out, ",\"held_resources\":[");
	for (size_t i = 0; i < export->nheld; i++) {
		const struct held *held = &export->held[i];
		const struct resource *resource =
		    &export->run->resources.all[held->resource];

		buf_add_string(out, i > 0 ? ",{\"label\":\"" : "{\"label\":\"");
		json_escape_any(out, resource->label);
		buf_add_string(out, "\",\"id\":\"");
		json_escape_any(out, resource->id);
		buf_printf(
		    out, "\",\"until\":%lld}", (long long)held->until_ms);
	}
	buf_add_char(out, ']');
	write_names(
	    out, "failed_metrics", export->failed_metrics, export->nfailed);
	write_names(out, "cut_families", export->cut_families, export->ncut);
	write_newest(export, out);
}

void
export_free(struct export *export)
{
	for (size_t i = 0; i < export->nfailed; i++)
		free(export->failed_metrics[i]);
	for (size_t i = 0; i < export->ncut; i++)
		free(export->cut_families[i]);
	free(export->failed_metrics);
	free(export->cut_families);
	free(export->held);
	free(export->newest_ms);
	free(export->refused_detail);
	buf_free(&export->suffix);
}
