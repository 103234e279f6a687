#include "output.h"

#include <string.h>

#include "replace.h"

#define PIECE ((size_t)64 << 10)

static bool
has_family(const struct store *store, const char *name, size_t len)
{
	uint32_t number = store_find(store, name, len);

	return number != STORE_NONE &&
	    store->families[number].first != STORE_NONE;
}

/* In OpenMetrics the counter "jobs_total" is of a family "jobs", which has the
 * names "jobs" and "jobs_created" for itself. */
static bool
is_name_taken(const struct store *store, const char *name)
{
	static const char total[] = "_total", created[] = "_created";
	size_t len = strlen(name), total_len = strlen(total);
	struct buf other = BUF_INIT;
	bool taken;

	if (len <= total_len || strcmp(name + len - total_len, total) != 0)
		return false;
	buf_add(&other, name, len - total_len);
	taken = has_family(store, other.data, other.len);
	buf_add_string(&other, created);
	taken = taken || has_family(store, other.data, other.len);
	buf_free(&other);
	return taken;
}

static void
add_family(const struct output *output, struct buf *out)
{
	const struct family *family = &output->store->families[output->family];
	enum metric_type type = family->type;

	if (type == METRIC_COUNTER &&
	    output->format == EXPOSITION_OPENMETRICS &&
	    is_name_taken(output->store, family->name))
		type = METRIC_UNKNOWN;
	exposition_family(out, output->format, family->name, type, family->help,
	    family->unit);
}

static void
add_series(const struct output *output, struct buf *out)
{
	const struct store *store = output->store;
	const struct series *series = &store->series[output->series];

	exposition_sample(out, store->families[series->family].name);
	buf_add_string(out, suffixes[series->suffix]);
	if (series->labels_len > 0) {
		buf_add_char(out, '{');
		buf_add(out, series->text, series->labels_len);
	}
	exposition_value(out, output->format, series->text + series->labels_len,
	    series->value_len,
	    output->without_timestamps ? EXPOSITION_NO_TIMESTAMP
				       : series->timestamp_ms);
}

/* Goes on to the first series of the next family that has any. */
static bool
next_family(struct output *output, struct buf *out)
{
	const struct store *store = output->store;

	output->family = output->started ? output->family + 1 : 0;
	output->started = true;
	while (output->family < store->nfamilies &&
	    store->families[output->family].first == STORE_NONE)
		output->family++;
	if (output->family >= store->nfamilies)
		return false;
	output->series = store->families[output->family].first;
	add_family(output, out);
	return true;
}

bool
output_piece(struct output *output, struct buf *out)
{
	size_t end = out->len + PIECE;

	if (output->ended)
		return false;
	if (!output->started)
		output->series = STORE_NONE;
	while (out->len < end) {
		if (output->series == STORE_NONE && !next_family(output, out)) {
			exposition_end(out, output->format);
			output->ended = true;
			break;
		}
		add_series(output, out);
		output->series = output->store->series[output->series].next;
	}
	return true;
}

void
output_file(struct output *output, const char *path)
{
	struct replacement file;
	struct buf out = BUF_INIT;

	replace_begin_or_die(&file, path);
	while (output_piece(output, &out)) {
		replace_write_or_die(&file, out.data, out.len);
		out.len = 0;
	}
	replace_commit_or_die(&file);
	buf_free(&out);
}
