#include "page.h"

#include <stdlib.h>

#include "clock.h"
#include "exposition.h"

#define FRESH_MS 1000
/* So long may other events wait for us. */
#define SLICE_MS 4
#define SAMPLES_A_CLOCK 64

struct build {
	struct series_sample *samples;
	size_t count, at;
	const struct family *family; /* of the last sample */
	bool has_app_label;
	struct buf text;
	struct buf packed;
	size_t packed_to; /* of text */
	bool packs;       /* somebody takes gzip */
	struct gzip gzip;
};

/* ---- a build ------------------------------------------------------------ */

static void
begin(struct page *page, bool packs)
{
	struct build *build = xmalloc(sizeof(*build));

	*build = (struct build){.packs = packs,
	    .has_app_label = page->has_app_label(page->context)};
	build->samples = series_snapshot(page->series, &build->count);
	if (packs)
		gzip_start(&build->gzip);
	page->build = build;
}

static void
add_sample(struct build *build, const struct series_sample *sample)
{
	const struct series *series = sample->series;
	struct buf *out = &build->text;
	bool has_app = build->has_app_label && series->app_id[0] != '\0';

	if (series->family != build->family) {
		build->family = series->family;
		exposition_family(out, EXPOSITION_PROMETHEUS,
		    series->family->name, METRIC_GAUGE, series->family->help,
		    NULL);
	}
	exposition_sample(out, series->family->name);
	if (has_app)
		exposition_label(
		    out, "app_id", series->app_id, strlen(series->app_id));
	if (series->labels[0] != '\0') {
		buf_add_char(out, has_app ? ',' : '{');
		buf_add_string(out, series->labels);
	}
	exposition_value(out, EXPOSITION_PROMETHEUS, sample->value,
	    strlen(sample->value), EXPOSITION_NO_TIMESTAMP);
}

static void
pack(struct build *build, bool last)
{
	if (!build->packs)
		return;
	gzip_add(&build->gzip, build->text.data + build->packed_to,
	    build->text.len - build->packed_to, last, &build->packed);
	build->packed_to = build->text.len;
}

static void
free_build(struct page *page)
{
	struct build *build = page->build;

	series_snapshot_free(build->samples, build->count);
	buf_free(&build->text);
	buf_free(&build->packed);
	free(build);
	page->build = NULL;
}

/* ---- answers ------------------------------------------------------------ */

static struct http_body *
body_of(struct buf *bytes)
{
	struct http_body *body;

	if (bytes->len == 0)
		return NULL;
	body = xmalloc(sizeof(*body));
	*body = (struct http_body){.bytes = *bytes, .references = 1};
	*bytes = (struct buf)BUF_INIT;
	return body;
}

static void
answer(const struct page *page, struct http_exchange *exchange)
{
	bool is_gzip = page->packed != NULL &&
	    http_request_accepts_gzip(&exchange->request);
	struct http_body *body = is_gzip ? page->packed : page->plain;

	body->references++;
	http_respond(exchange,
	    &(struct http_answer){.status = 200,
		.type = exposition_content_type(EXPOSITION_PROMETHEUS),
		.shared = body,
		.is_gzip = is_gzip,
		.may_gzip = true});
}

static void
finish(struct page *page)
{
	struct build *build = page->build;
	size_t count = page->nwaiting;

	page->add_own(page->context, &build->text);
	exposition_end(&build->text, EXPOSITION_PROMETHEUS);
	pack(build, true);
	http_body_release(page->plain);
	http_body_release(page->packed);
	page->plain = body_of(&build->text);
	page->packed = body_of(&build->packed);
	page->made_ms = page->loop->now_ms;
	free_build(page);
	page->nwaiting = 0;
	for (size_t i = 0; i < count; i++)
		answer(page, page->waiting[i]);
}

/* One slice; true while there is more to do. */
static bool
work(void *context)
{
	struct page *page = context;
	struct build *build = page->build;
	int64_t end_ms = monotonic_ms() + SLICE_MS;

	if (build == NULL)
		return false;
	while (build->at < build->count) {
		for (int i = 0; i < SAMPLES_A_CLOCK && build->at < build->count;
		     i++)
			add_sample(build, &build->samples[build->at++]);
		pack(build, false);
		if (monotonic_ms() >= end_ms)
			return true;
	}
	finish(page);
	return true;
}

void
page_start(struct page *page, struct loop *loop)
{
	page->loop = loop;
	page->task = (struct loop_task){.run = work, .context = page};
	loop_task_add(loop, &page->task);
}

void
page_get(struct page *page, struct http_exchange *exchange)
{
	bool packs = http_request_accepts_gzip(&exchange->request);
	bool is_fresh = page->plain != NULL &&
	    page->loop->now_ms - page->made_ms < FRESH_MS;

	if (is_fresh && (!packs || page->packed != NULL)) {
		answer(page, exchange);
		return;
	}
	page->waiting =
	    grow_by_one(page->waiting, page->nwaiting, sizeof(*page->waiting));
	page->waiting[page->nwaiting++] = exchange;
	if (page->build == NULL)
		begin(page, packs);
}

void
page_stop(struct page *page)
{
	while (page->build != NULL)
		work(page);
	http_body_release(page->plain);
	http_body_release(page->packed);
	page->plain = page->packed = NULL;
	free(page->waiting);
	page->waiting = NULL;
}
