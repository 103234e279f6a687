/*
 * ccm-export-filter - of the samples of an exposition, those that are fresh, or
 * those that a target has not had yet.
 *
 *	-a SECONDS	drop samples that are older
 *	-k FILE		drop samples whose series had this timestamp and value
 *			before, as FILE says; what is to be in FILE then is in
 *			FILE.new, for the caller to rename once the samples that
 *			were passed on are safe
 *	-s FILE		write the counts, a line of JSON
 *
 * Samples without a timestamp and all other lines are passed on as they are.
 *
 * FILE has 32 bytes for each series: a hash of its name and labels (128 bits),
 * the timestamp and a hash of the value. A FILE that is lost, or is none, lets
 * samples pass twice, and none be lost.
 *
 * Private: it is installed beside the libraries, and run by ccm-export.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "exposition-reader.h"
#include "hour.h"
#include "io.h"
#include "lines.h"
#include "log.h"
#include "main.h"
#include "replace.h"

#define USAGE                                                               \
	"usage: ccm-export-filter [-a SECONDS] [-k FILE] [-s FILE]\n"       \
	"Passes on the samples that are fresh (-a), and that differ (-k)\n" \
	"  -h, -V   this help, the version\n"

#define MAGIC "ccm-seen 1\n"
#define MAGIC_LEN (sizeof(MAGIC) - 1)
#define FILE_SIZE_MAX ((size_t)1 << 32)

/* A series that has not been exported for so long is forgotten. */
#define FORGET_MS 3600000

struct seen {
	uint64_t series[2]; /* a hash */
	int64_t timestamp_ms;
	uint64_t value; /* a hash */
};

struct filter_state {
	int64_t max_age_ms; /* 0: any age */
	const char *seen_path, *counts_path;
	int64_t now_ms;
	struct exposition_reader reader;

	/* Open addressing; a timestamp of 0 is a free place. */
	struct seen *table;
	size_t size, count;

	uint64_t samples, passed, stale, unchanged;
	int64_t newest_ms;
	struct buf out;
};

/* ---- hashes ------------------------------------------------------------- */

/* FNV-1a, from a given state. */
static uint64_t
hash(uint64_t state, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		state = (state ^ (unsigned char)bytes[i]) * 0x100000001b3;
	return state;
}

/* The finalizer of SplitMix64. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Labels in any order are the same series. */
static void
hash_series(const struct exposition_reader *reader, uint64_t out[2])
{
	for (unsigned n = 0; n < 2; n++) {
		uint64_t start = 0xcbf29ce484222325 + n * 0x9e3779b97f4a7c15;
		uint64_t sum =
		    mix(hash(start, reader->name.at, reader->name.len));

		for (size_t i = 0; i < reader->nlabels; i++) {
			const struct record_tag *label = &reader->labels[i];
			uint64_t h = hash(start, label->key.at, label->key.len);

			sum += mix(
			    hash(mix(h), label->value.at, label->value.len));
		}
		out[n] = sum;
	}
}

/* ---- what was seen ------------------------------------------------------ */

static struct seen *
find(const struct filter_state *state, const uint64_t series[2])
{
	size_t slot = (size_t)series[0] & (state->size - 1);

	while (state->table[slot].timestamp_ms != 0 &&
	    memcmp(state->table[slot].series, series,
		sizeof(state->table[slot].series)) != 0)
		slot = (slot + 1) & (state->size - 1);
	return &state->table[slot];
}

static void
grow(struct filter_state *state)
{
	struct seen *old = state->table;
	size_t old_size = state->size;

	if (state->count * 3 < state->size * 2)
		return;
	state->size = old_size > 0 ? old_size * 2 : 1024;
	state->table = xreallocarray(NULL, state->size, sizeof(*state->table));
	memset(state->table, 0, state->size * sizeof(*state->table));
	for (size_t i = 0; i < old_size; i++)
		if (old[i].timestamp_ms != 0)
			*find(state, old[i].series) = old[i];
	free(old);
}

static void
remember(struct filter_state *state, const struct seen *seen)
{
	struct seen *place;

	grow(state);
	place = find(state, seen->series);
	state->count += place->timestamp_ms == 0;
	*place = *seen;
}

static void
read_seen(struct filter_state *state)
{
	struct buf text = BUF_INIT;
	struct seen seen;

	if (!read_file(state->seen_path, FILE_SIZE_MAX, &text)) {
		if (errno != ENOENT)
			die(EX_IOERR, "cannot read %s: %s", state->seen_path,
			    strerror(errno));
	} else if (text.len < MAGIC_LEN ||
	    memcmp(text.data, MAGIC, MAGIC_LEN) != 0 ||
	    (text.len - MAGIC_LEN) % sizeof(seen) != 0) {
		log_warn("%s is not what it was written as; all samples pass",
		    state->seen_path);
	} else {
		for (size_t at = MAGIC_LEN; at < text.len; at += sizeof(seen)) {
			memcpy(&seen, text.data + at, sizeof(seen));
			if (seen.timestamp_ms > 0)
				remember(state, &seen);
		}
	}
	buf_free(&text);
}

static void
write_seen(const struct filter_state *state)
{
	struct buf path = BUF_INIT, text = BUF_INIT;
	struct replacement file;

	buf_printf(&path, "%s.new", state->seen_path);
	replace_begin_or_die(&file, path.data);
	buf_add(&text, MAGIC, MAGIC_LEN);
	for (size_t i = 0; i < state->size; i++) {
		const struct seen *seen = &state->table[i];

		if (seen->timestamp_ms <= state->now_ms - FORGET_MS)
			continue;
		buf_add(&text, seen, sizeof(*seen));
		if (text.len < 65536)
			continue;
		replace_write_or_die(&file, text.data, text.len);
		text.len = 0;
	}
	replace_write_or_die(&file, text.data, text.len);
	replace_commit_or_die(&file);
	buf_free(&text);
	buf_free(&path);
}

/* Notes the sample; true where it was so before. */
static bool
is_unchanged(struct filter_state *state)
{
	const struct exposition_reader *reader = &state->reader;
	struct seen seen = {.timestamp_ms = reader->timestamp_ms,
	    .value = hash(0, reader->value.at, reader->value.len)};
	const struct seen *before;
	bool same;

	hash_series(reader, seen.series);
	grow(state);
	before = find(state, seen.series);
	same = before->timestamp_ms == seen.timestamp_ms &&
	    before->value == seen.value;
	if (!same)
		remember(state, &seen);
	return same;
}

/* ---- lines -------------------------------------------------------------- */

static bool
passes(struct filter_state *state, const char *line, size_t len)
{
	const struct exposition_reader *reader = &state->reader;
	struct buf problem = BUF_INIT;
	bool sample = exposition_read(&state->reader, line, len, &problem) ==
	    EXPOSITION_SAMPLE;

	buf_free(&problem);
	if (!sample || reader->timestamp_ms == EXPOSITION_NO_TIMESTAMP)
		return true;
	state->samples++;
	if (state->max_age_ms > 0 &&
	    reader->timestamp_ms < state->now_ms - state->max_age_ms) {
		state->stale++;
		return false;
	}
	if (state->seen_path != NULL && reader->timestamp_ms > 0 &&
	    is_unchanged(state)) {
		state->unchanged++;
		return false;
	}
	if (reader->timestamp_ms > state->newest_ms)
		state->newest_ms = reader->timestamp_ms;
	state->passed++;
	return true;
}

static void
flush_output(void *context)
{
	struct filter_state *state = context;

	write_or_die(
	    STDOUT_FILENO, "standard output", state->out.data, state->out.len);
	state->out.len = 0;
}

static void
run(struct filter_state *state)
{
	struct lines lines = {
	    .fd = STDIN_FILENO, .before_wait = flush_output, .context = state};
	enum lines_result result;
	char *line;
	size_t len;

	while ((result = lines_next(&lines, &line, &len)) == LINES_LINE ||
	    result == LINES_LONG) {
		bool rest = result == LINES_LONG;

		if (rest || passes(state, line, len)) {
			buf_add(&state->out, line, len);
			while (rest && lines_rest(&lines, &line, &len))
				buf_add(&state->out, line, len);
			buf_add_char(&state->out, '\n');
		}
		if (state->out.len > 65536)
			flush_output(state);
	}
	if (result == LINES_ERROR)
		die(EX_IOERR, "cannot read standard input: %s",
		    strerror(errno));
	flush_output(state);
	lines_free(&lines);
}

static void
write_counts(const struct filter_state *state)
{
	struct replacement file;
	struct buf line = BUF_INIT;

	buf_printf(&line,
	    "{\"samples\":%llu,\"passed\":%llu,\"stale\":%llu,\"unchanged\":"
	    "%llu,\"newest\":%lld}\n",
	    (unsigned long long)state->samples,
	    (unsigned long long)state->passed, (unsigned long long)state->stale,
	    (unsigned long long)state->unchanged, (long long)state->newest_ms);
	replace_begin_or_die(&file, state->counts_path);
	replace_write_or_die(&file, line.data, line.len);
	replace_commit_or_die(&file);
	buf_free(&line);
}

static long
seconds_or_die(const char *text)
{
	char *end;
	long seconds = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || seconds < 1 || seconds > 1L << 30)
		die(EX_USAGE, "-a takes a number of seconds, not \"%s\"", text);
	return seconds;
}

int
main(int argc, char **argv)
{
	static struct filter_state state = {.reader = EXPOSITION_READER_INIT};
	struct ccm_clock clock;
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, ":a:k:s:hV")) != -1) {
		switch (option) {
		case 'a':
			state.max_age_ms = seconds_or_die(optarg) * 1000;
			break;
		case 'k':
			state.seen_path = optarg;
			break;
		case 's':
			state.counts_path = optarg;
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("ccm-export-filter");
		default:
			usage_error_and_exit(option);
		}
	}
	log_init("ccm-export");
	if (optind < argc)
		die(EX_USAGE, "unexpected argument \"%s\"; -h shows the usage",
		    argv[optind]);
	if (!clock_start(&clock))
		die(EX_CONFIG, "CCM_NOW is not a time");
	state.now_ms = clock_now_ms(&clock);
	if (state.seen_path != NULL)
		read_seen(&state);
	run(&state);
	if (state.seen_path != NULL)
		write_seen(&state);
	if (state.counts_path != NULL)
		write_counts(&state);
	return EX_OK;
}
