#include "scrape.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lines.h"

#define ACCESS_ERROR "confluent_scrape_resource_access_error"
#define STATUS "export_status"

/* ---- whose sample ------------------------------------------------------- */

/* True where a label of an export is the one of a resource: "kafka_id" is
 * "resource.kafka.id" without the prefix and its dots. */
static bool
is_label_of(const struct json_text *name, const char *label)
{
	label += strlen("resource.");
	if (strlen(label) != name->len)
		return false;
	for (size_t i = 0; i < name->len; i++)
		if (name->at[i] != (label[i] == '.' ? '_' : label[i]))
			return false;
	return true;
}

/* The resource of a sample; `count` where it is of none of them. */
static size_t
resource_of(const struct scrape *scrape)
{
	const struct resources *resources = scrape->resources;
	const struct exposition_reader *reader = &scrape->reader;

	for (size_t i = 0; i < reader->nlabels; i++) {
		const struct record_tag *label = &reader->labels[i];
		size_t found = resources->count;

		for (size_t l = 0; l < scrape->nlabels; l++)
			if (is_label_of(&label->key, scrape->labels[l]))
				found =
				    resources_find(resources, scrape->labels[l],
					label->value.at, label->value.len);
		if (found < resources->count)
			return found;
	}
	return resources->count;
}

static char *
label_value(const struct exposition_reader *reader, const char *name)
{
	for (size_t i = 0; i < reader->nlabels; i++)
		if (json_text_is(&reader->labels[i].key, name))
			return json_decoded(&reader->labels[i].value);
	return NULL;
}

/* ---- families ----------------------------------------------------------- */

static void
end_family(struct scrape *scrape)
{
	for (size_t i = 0; i < scrape->resources->count; i++) {
		if (scrape->counts[i] > scrape->largest[i])
			scrape->largest[i] = scrape->counts[i];
		scrape->counts[i] = 0;
	}
	scrape->in_family = 0;
}

static void
count_sample(struct scrape *scrape)
{
	const struct exposition_reader *reader = &scrape->reader;
	size_t resource = resource_of(scrape);

	if (scrape->family.len != reader->name.len ||
	    memcmp(scrape->family.data, reader->name.at, reader->name.len) !=
		0) {
		end_family(scrape);
		scrape->family.len = 0;
		buf_add(&scrape->family, reader->name.at, reader->name.len);
	}
	scrape->samples++;
	scrape->in_family++;
	if (resource == scrape->resources->count)
		return;
	scrape->counts[resource]++;
	if (reader->timestamp_ms != EXPOSITION_NO_TIMESTAMP &&
	    reader->timestamp_ms > scrape->newest_ms[resource])
		scrape->newest_ms[resource] = reader->timestamp_ms;
	if (scrape->in_family == SCRAPE_SAMPLES_MAX &&
	    scrape->cut_family == NULL) {
		scrape->cut_family =
		    xstrndup(reader->name.at, reader->name.len);
		scrape->cut_resource = resource;
	}
}

/* ---- about the scrape --------------------------------------------------- */

static bool
is_one(const struct json_text *value)
{
	char *text = xstrndup(value->at, value->len);
	double number = strtod(text, NULL);

	free(text);
	return number > 0;
}

static void
note_inaccessible(struct scrape *scrape)
{
	char *label = label_value(&scrape->reader, "resource_type");
	char *id = label_value(&scrape->reader, "resource_id");
	size_t found = scrape->resources->count;

	if (label != NULL && id != NULL)
		found =
		    resources_find(scrape->resources, label, id, strlen(id));
	if (found < scrape->resources->count)
		scrape->inaccessible[found] = true;
	free(label);
	free(id);
}

static void
note_failed(struct scrape *scrape)
{
	char *metric = label_value(&scrape->reader, "metric");

	if (metric == NULL)
		return;
	scrape->failed = grow_by_one(
	    scrape->failed, scrape->nfailed, sizeof(*scrape->failed));
	scrape->failed[scrape->nfailed++] = metric;
}

static void
take_sample(struct scrape *scrape)
{
	const struct exposition_reader *reader = &scrape->reader;

	if (json_text_is(&reader->name, ACCESS_ERROR)) {
		if (is_one(&reader->value))
			note_inaccessible(scrape);
	} else if (json_text_is(&reader->name, STATUS)) {
		if (is_one(&reader->value))
			note_failed(scrape);
	} else {
		count_sample(scrape);
	}
}

/* ---- lines -------------------------------------------------------------- */

/* The API's own documentation writes it without the blank, too. */
static bool
is_end(const struct buf *line)
{
	return strcmp(line->data, "# EOF") == 0 ||
	    strcmp(line->data, "#EOF") == 0;
}

/* A line that cannot be read stays where it is: who reads the text reports it.
 */
static void
take_line(struct scrape *scrape)
{
	struct buf problem = BUF_INIT;
	enum exposition_line what;

	buf_terminate(&scrape->line);
	scrape->ended = is_end(&scrape->line);
	what = exposition_read(
	    &scrape->reader, scrape->line.data, scrape->line.len, &problem);
	if (what == EXPOSITION_SAMPLE)
		take_sample(scrape);
	else if (what == EXPOSITION_BAD && scrape->unreadable++ == 0)
		buf_add(&scrape->problem, problem.data, problem.len);
	scrape->line.len = 0;
	buf_free(&problem);
}

bool
scrape_feed(struct scrape *scrape, const char *bytes, size_t len)
{
	buf_add(&scrape->store->buf, bytes, len);
	store_spill(scrape->store);
	while (len > 0) {
		const char *end = memchr(bytes, '\n', len);
		size_t part = end != NULL ? (size_t)(end - bytes) : len;

		buf_add(&scrape->line, bytes, part);
		if (scrape->line.len > LINE_LENGTH_MAX) {
			scrape->error = "a line of the answer is too long";
			return false;
		}
		if (end != NULL)
			take_line(scrape);
		part += end != NULL;
		bytes += part;
		len -= part;
	}
	return true;
}

/* ---- begin and end ------------------------------------------------------ */

/* The labels of the run's resources, each once. */
static void
find_labels(struct scrape *scrape)
{
	const struct resources *resources = scrape->resources;

	scrape->nlabels = 0;
	for (size_t i = 0; i < resources->count; i++) {
		const char *label = resources->all[i].label;
		size_t l = 0;

		while (l < scrape->nlabels &&
		    strcmp(scrape->labels[l], label) != 0)
			l++;
		if (l < scrape->nlabels)
			continue;
		scrape->labels =
		    grow_by_one(scrape->labels, l, sizeof(*scrape->labels));
		scrape->labels[scrape->nlabels++] = label;
	}
}

static void *
zeros(void *old, size_t count, size_t size)
{
	void *array = xreallocarray(old, count + 1, size);

	memset(array, 0, (count + 1) * size);
	return array;
}

static void
forget(struct scrape *scrape)
{
	for (size_t i = 0; i < scrape->nfailed; i++)
		free(scrape->failed[i]);
	free(scrape->failed);
	scrape->failed = NULL;
	scrape->nfailed = 0;
	free(scrape->cut_family);
	scrape->cut_family = NULL;
}

void
scrape_start(struct scrape *scrape)
{
	size_t count = scrape->resources->count;

	forget(scrape);
	find_labels(scrape);
	scrape->reader.format = scrape->openmetrics ? EXPOSITION_OPENMETRICS
						    : EXPOSITION_PROMETHEUS;
	scrape->error = NULL;
	scrape->samples = scrape->unreadable = scrape->in_family = 0;
	scrape->problem.len = scrape->line.len = scrape->family.len = 0;
	scrape->ended = false;
	scrape->largest =
	    zeros(scrape->largest, count, sizeof(*scrape->largest));
	scrape->counts = zeros(scrape->counts, count, sizeof(*scrape->counts));
	scrape->newest_ms =
	    zeros(scrape->newest_ms, count, sizeof(*scrape->newest_ms));
	scrape->inaccessible =
	    zeros(scrape->inaccessible, count, sizeof(*scrape->inaccessible));
}

static bool
is_metrics(const char *content_type, bool openmetrics)
{
	const char *wanted =
	    openmetrics ? "application/openmetrics-text" : "text/plain";

	return content_type != NULL &&
	    strncasecmp(content_type, wanted, strlen(wanted)) == 0;
}

bool
scrape_end(struct scrape *scrape, const char *content_type)
{
	if (scrape->error != NULL)
		return false;
	if (!is_metrics(content_type, scrape->openmetrics))
		scrape->error = scrape->openmetrics
		    ? "the answer is not OpenMetrics (Content-Type)"
		    : "the answer is not Prometheus text (Content-Type)";
	else if (scrape->line.len > 0 && !scrape->openmetrics)
		scrape->error = "the answer is cut: its last line has no end";
	if (scrape->line.len > 0)
		take_line(scrape);
	if (scrape->error == NULL && scrape->openmetrics && !scrape->ended)
		scrape->error = "the answer is cut: it has no \"# EOF\"";
	if (scrape->error == NULL && scrape->unreadable > 0 &&
	    scrape->samples == 0)
		scrape->error = "no line of the answer is a metric";
	end_family(scrape);
	return scrape->error == NULL;
}

void
scrape_free(struct scrape *scrape)
{
	forget(scrape);
	exposition_reader_free(&scrape->reader);
	buf_free(&scrape->problem);
	buf_free(&scrape->line);
	buf_free(&scrape->family);
	free(scrape->largest);
	free(scrape->counts);
	free(scrape->newest_ms);
	free(scrape->inaccessible);
	free(scrape->labels);
}
