/*
 * ccm-promfmt: whatever expositions and records come in, what goes out is good
 * lines, and each series is there once: the program makes the same of it again.
 */
#define main ccm_promfmt_main
#include "../../tools/ccm-promfmt/main.c"
#undef main

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* All lines of a text through the program; bad ones only where `may_be_bad`. */
static void
format(struct buf *out, const char *text, size_t len, bool may_be_bad)
{
	struct promfmt promfmt = {
	    .prefix = "",
	    /* Times below 1e11 are in seconds when they come, in
	     * milliseconds when they go. */
	    .output = {.store = &promfmt.store, .without_timestamps = true},
	    .record = RECORD_INIT,
	    .reader = EXPOSITION_READER_INIT,
	};
	const char *end = text + len;
	struct buf line = BUF_INIT, problem = BUF_INIT;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line_len =
		    (size_t)((newline != NULL ? newline : end) - text);
		bool good;

		line.len = problem.len = 0;
		buf_add(&line, text, line_len);
		buf_terminate(&line);
		good = (*text == '{' ? record_line : exposition_line)(
		    &promfmt, line.data, line.len, NULL, &problem);
		if (!good && (!may_be_bad || problem.len == 0))
			__builtin_trap();
		text += line_len + 1;
	}
	while (output_piece(&promfmt.output, out))
		;
	store_free(&promfmt.store);
	record_free(&promfmt.record);
	exposition_reader_free(&promfmt.reader);
	labels_free(&promfmt.labels);
	buf_free(&promfmt.decoded);
	buf_free(&promfmt.name);
	buf_free(&promfmt.value);
	buf_free(&promfmt.last_name);
	buf_free(&line);
	buf_free(&problem);
}

static size_t
count_samples(const struct buf *text)
{
	size_t count = 0;

	for (size_t i = 0; i < text->len; i++)
		if (i == 0 || text->data[i - 1] == '\n')
			count += text->data[i] != '#';
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf first = BUF_INIT, once = BUF_INIT, twice = BUF_INIT;

	buf_terminate(&first);
	buf_terminate(&once);
	format(&first, (const char *)data, len, true);
	/* The blanks before a HELP, which is a record's name, are lost. */
	format(&once, first.data, first.len, false);
	format(&twice, once.data, once.len, false);
	if (once.len != twice.len ||
	    (once.len > 0 && memcmp(once.data, twice.data, once.len) != 0))
		__builtin_trap();
	if (count_samples(&first) != count_samples(&once))
		__builtin_trap();
	buf_free(&first);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
