/*
 * Does the API answer at all? One GET of descriptors/metrics on the same base
 * URL, at most once a run, and only where nothing else has shown it.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clock.h"
#include "work.h"

#define PATH "/v2/metrics/cloud/descriptors/metrics?page_size=1"
#define BYTES_MAX ((size_t)1 << 20)

struct probe_request {
	struct transfer transfer;
	struct response response;
	size_t bytes;
};

static bool
on_element(void *context, const char *text, size_t len)
{
	(void)context;
	(void)text;
	(void)len;
	return true;
}

static bool
on_data(void *context, const char *bytes, size_t len)
{
	struct probe_request *probe = context;

	probe->bytes += len;
	return probe->bytes <= BYTES_MAX &&
	    response_feed(&probe->response, bytes, len);
}

/* False where the API wants a pause that is too long for this run. */
static bool
wait_for_turn(struct run *run)
{
	int64_t turn_ms;

	while ((turn_ms = rate_take(&run->rate)) > 0) {
		if (turn_ms > WAIT_MAX_MS)
			return false;
		http_wait(&run->http, turn_ms < 1000 ? (int)turn_ms : 1000);
	}
	return true;
}

static void
send_and_wait(struct run *run, struct probe_request *probe)
{
	int64_t end_ms =
	    clock_ms() + (int64_t)run->config->query_seconds * 1000;
	struct buf url = BUF_INIT;

	buf_printf(&url, "%s" PATH, run->config->api.base);
	buf_terminate(&url);
	log_debug("probe: request: %s", url.data);
	probe->response.element = on_element;
	response_start(&probe->response);
	probe->transfer.data = on_data;
	probe->transfer.context = probe;
	run->tally.requests++;
	http_start(&run->http, &probe->transfer, probe, url.data, NULL, 0);
	while (http_wait(&run->http, 1000) == NULL)
		if (clock_ms() > end_ms) {
			probe->transfer.result = CURLE_OPERATION_TIMEDOUT;
			break;
		}
	buf_free(&url);
}

static enum probe
judge(struct run *run, struct probe_request *probe)
{
	struct answer answer = answer_read(&probe->transfer);
	struct buf text = BUF_INIT;
	enum probe result = PROBE_BAD;
	char *next_page = NULL;

	if (answer.verdict == VERDICT_UNAUTHORISED) {
		run_unauthorised(run, answer.status, answer.detail);
	} else if (answer.verdict == VERDICT_PAGE &&
	    response_end(&probe->response, &next_page)) {
		run->answers++;
		run_note_date(run, &probe->transfer);
		result = PROBE_GOOD;
	} else if (answer.detail != NULL) {
		result = PROBE_JSON;
	}
	answer_describe(&answer, &probe->transfer, &text);
	if (result != PROBE_GOOD)
		log_info("probe (GET descriptors/metrics): %s", text.data);
	free(next_page);
	buf_free(&text);
	answer_free(&answer);
	return result;
}

void
run_probe(struct run *run)
{
	struct probe_request probe = {.bytes = 0};

	if (run->probe != PROBE_NONE || run->unauthorised)
		return;
	/* It would fail in the same way. */
	if (run->untrusted || !wait_for_turn(run)) {
		run->probe = PROBE_BAD;
		return;
	}
	send_and_wait(run, &probe);
	run_note_answer(run, &probe.transfer);
	run_note_pause(run, &probe.transfer);
	run->probe = judge(run, &probe);
	response_free(&probe.response);
	transfer_free(&run->http, &probe.transfer);
}

void
run_settle_reachable(struct run *run)
{
	const struct tally *tally = &run->tally;
	bool good;

	if (tally->answered == 0 &&
	    (tally->nodata > 0 || tally->unanswered > 0))
		run_probe(run);
	if (run->unauthorised) {
		run->reachable = REACHABLE_NO;
		return;
	}
	if (run->probe == PROBE_NONE)
		return;
	/* That nothing has data, a wrong path would say as well. */
	good = run->probe == PROBE_GOOD ||
	    (run->probe == PROBE_JSON &&
		(tally->answered > 0 || tally->nodata == 0));
	run->reachable = good ? REACHABLE_YES : REACHABLE_NO;
	if (good || tally->answered > 0 || tally->nodata == 0)
		return;
	statuses_add(&run->tally.statuses, EX_TEMPFAIL);
	run_report(run, LOG_LEVEL_ERROR,
	    "each query was answered with 404, and so was or failed GET %s; check CONFLUENT_METRICS_HOST (%s)",
	    PATH, run->config->api.base);
}
