#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/ccm-ingestd/keys.h"
#include "../../tools/ccm-ingestd/series.h"
#include "../../tools/ccm-ingestd/tokens.h"
#include "unit.h"

/* ---- idempotency keys ---------------------------------------------------- */

#define HOUR_MS ((int64_t)3600 * 1000)

static char directory[] = "/tmp/ccm-unit.XXXXXX";

static int
make_directory(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	return open(directory, O_RDONLY | O_DIRECTORY);
}

static void
remove_directory(int dir_fd)
{
	unlinkat(dir_fd, ".keys", 0);
	unlinkat(dir_fd, ".keys.old", 0);
	close(dir_fd);
	ck_assert_int_eq(rmdir(directory), 0);
}

static void
open_keys(struct keys *keys, int dir_fd)
{
	struct buf problem = BUF_INIT;

	ck_assert(keys_open(keys, dir_fd, &problem));
	buf_free(&problem);
}

static void
commit_keys(struct keys *keys)
{
	struct buf problem = BUF_INIT;

	ck_assert(keys_commit(keys, &problem));
	buf_free(&problem);
}

/* Looks up "key N" of "app" with a body; a new one is done with count N. */
static enum key_state
look(struct keys *keys, int number, const char *body_text, int64_t now_ms)
{
	struct buf key = BUF_INIT, body = BUF_INIT;
	enum key_state state;
	uint64_t sequence;
	int64_t count = -1;

	buf_printf(&key, "key %d", number);
	buf_add_string(&body, body_text);
	state = keys_look(keys, "app", &key, &body, now_ms, &sequence, &count);
	if (state == KEY_NEW)
		keys_done(keys, sequence, number);
	if (state == KEY_KNOWN)
		ck_assert_int_eq(count, number);
	buf_free(&key);
	buf_free(&body);
	return state;
}

START_TEST(keys_are_kept_over_restarts_for_a_day)
{
	int dir_fd = make_directory();
	struct keys keys;

	open_keys(&keys, dir_fd);
	ck_assert_int_eq(look(&keys, 1, "body", 0), KEY_NEW);
	ck_assert_int_eq(look(&keys, 1, "body", 1), KEY_KNOWN);
	ck_assert_int_eq(look(&keys, 1, "other", 1), KEY_OTHER);
	ck_assert_int_eq(look(&keys, 2, "body", HOUR_MS), KEY_NEW);
	commit_keys(&keys);
	keys_close(&keys);
	open_keys(&keys, dir_fd);
	ck_assert_int_eq(look(&keys, 1, "body", 24 * HOUR_MS - 1), KEY_KNOWN);
	ck_assert_int_eq(look(&keys, 1, "body", 24 * HOUR_MS), KEY_NEW);
	ck_assert_int_eq(look(&keys, 2, "body", 24 * HOUR_MS), KEY_KNOWN);
	keys_close(&keys);
	remove_directory(dir_fd);
}
END_TEST

START_TEST(a_key_is_busy_until_it_is_done_and_new_when_forgotten)
{
	struct buf key = BUF_INIT, body = BUF_INIT;
	int dir_fd = make_directory();
	struct keys keys;
	uint64_t first, second;
	int64_t count;

	open_keys(&keys, dir_fd);
	buf_add_string(&key, "key");
	ck_assert_int_eq(
	    keys_look(&keys, "a", &key, &body, 0, &first, &count), KEY_NEW);
	ck_assert_int_eq(
	    keys_look(&keys, "a", &key, &body, 0, &second, &count), KEY_BUSY);
	ck_assert_int_eq(
	    keys_look(&keys, "b", &key, &body, 0, &second, &count), KEY_NEW);
	keys_forget(&keys, first);
	/* Others come, and the memory grows. */
	for (int i = 0; i < 5000; i++)
		look(&keys, i, "", 0);
	ck_assert_int_eq(
	    keys_look(&keys, "a", &key, &body, 0, &first, &count), KEY_NEW);
	keys_close(&keys);
	buf_free(&key);
	remove_directory(dir_fd);
}
END_TEST

START_TEST(of_a_million_keys_the_oldest_goes_first)
{
	int dir_fd = make_directory();
	struct stat st;
	struct keys keys;

	open_keys(&keys, dir_fd);
	for (int i = 0; i < (int)KEYS_MAX; i++)
		ck_assert_int_eq(look(&keys, i, "", 0), KEY_NEW);
	commit_keys(&keys);
	ck_assert_int_eq(look(&keys, 0, "", 0), KEY_KNOWN);
	ck_assert_int_eq(look(&keys, (int)KEYS_MAX, "", 0), KEY_NEW);
	commit_keys(&keys);
	/* The full file was put aside, and the new one has a record. */
	ck_assert_int_eq(fstatat(dir_fd, ".keys.old", &st, 0), 0);
	ck_assert_int_eq(st.st_size, (off_t)(KEYS_MAX * 48));
	ck_assert_int_eq(fstatat(dir_fd, ".keys", &st, 0), 0);
	ck_assert_int_eq(st.st_size, 48);
	keys_close(&keys);
	open_keys(&keys, dir_fd);
	ck_assert_uint_eq(keys.next - keys.first, KEYS_MAX);
	ck_assert_int_eq(look(&keys, 1, "", 0), KEY_KNOWN);
	ck_assert_int_eq(look(&keys, (int)KEYS_MAX, "", 0), KEY_KNOWN);
	ck_assert_int_eq(look(&keys, 0, "", 0), KEY_NEW);
	keys_close(&keys);
	remove_directory(dir_fd);
}
END_TEST

/* ---- series ----------------------------------------------------------------
 */

/* Puts a metric of that name, tags and value, of app "a", at time 1000. */
static void
put(struct series_table *table, const char *name, const char *tags,
    const char *rest, int64_t now_ms)
{
	struct metric_problem problem = {.too_many = false};
	struct json json = JSON_INIT;
	struct buf line = BUF_INIT;
	struct metric metric;

	buf_printf(&line,
	    "{\"name\":\"%s\",\"tags\":{%s},\"profileId\":\"p\",%s}", name,
	    tags, rest);
	buf_terminate(&line);
	ck_assert_msg(metric_read_line(&json, line.data, line.len,
			  METRIC_CONSUMED, &metric, &problem),
	    "%s: %s", line.data, problem.detail.data);
	series_put(table, &metric, now_ms);
	json_free(&json);
	metric_problem_free(&problem);
	buf_free(&line);
}

#define AT(timestamp, value, partition)                \
	"\"timestamp\":" timestamp ",\"value\":" value \
	",\"received\":1000,\"partition\":" partition

START_TEST(what_prometheus_takes_for_one_series_is_one)
{
	static struct series_table table;
	struct series_sample *samples;
	size_t count;

	series_table_init(
	    &table, &(struct series_options){.max = 10, .with_app = true});
	put(&table, "a-b", "\"x\":\"1\",\"y.z\":\"2\"", AT("5", "1", "0"), 0);
	put(&table, "a_b", "\"y_z\":\"2\",\"x\":\"1\"", AT("5", "2", "0"), 0);
	put(&table, "a.b", "\"y-z\":\"2\",\"x\":\"1\"", AT("4", "3", "0"), 0);
	ck_assert_uint_eq(table.count, 1);
	put(&table, "a_b", "\"x\":\"1\",\"y_z\":\"2\"",
	    "\"app_id\":\"other\"," AT("5", "4", "0"), 0);
	put(&table, "a_b", "\"x\":\"1\"", AT("5", "5", "0"), 0);
	ck_assert_uint_eq(table.count, 3);
	samples = series_snapshot(&table, &count);
	ck_assert_uint_eq(count, 3);
	ck_assert_str_eq(samples[0].series->family->name, "client_metric_a_b");
	ck_assert_str_eq(samples[0].series->family->help, "Client metric: a-b");
	ck_assert_str_eq(samples[0].series->labels, "x=\"1\",y_z=\"2\"");
	ck_assert_str_eq(samples[0].value, "2");
	ck_assert_str_eq(samples[1].series->app_id, "other");
	series_snapshot_free(samples, count);
	series_table_free(&table);
}
END_TEST

START_TEST(a_snapshot_outlives_its_series)
{
	static struct series_table table;
	struct series_sample *samples;
	const int64_t other = 2;
	size_t count;

	series_table_init(&table, &(struct series_options){.max = 10});
	put(&table, "a", "", AT("5", "1.50", "1"), 0);
	put(&table, "b", "", AT("5", "2", "2"), 0);
	samples = series_snapshot(&table, &count);
	put(&table, "a", "", AT("6", "3", "1"), 0);
	series_keep_partitions(&table, &other, 1);
	ck_assert_uint_eq(table.count, 1);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(samples[1].series->family->name, "client_metric_a");
	ck_assert_str_eq(samples[1].value, "1.5");
	series_snapshot_free(samples, count);
	series_table_free(&table);
}
END_TEST

START_TEST(series_expire_and_make_room)
{
	static struct series_table table;
	char name[16];

	series_table_init(
	    &table, &(struct series_options){.max = 5000, .ttl_ms = 100});
	for (int i = 0; i < 6000; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		put(&table, name, "", AT("5", "1", "0"), 1000);
	}
	ck_assert_uint_eq(table.count, 5000);
	ck_assert_uint_eq(table.over_limit, 1000);
	while (!series_expire(&table, 1099))
		;
	ck_assert_uint_eq(table.count, 5000);
	while (!series_expire(&table, 1100))
		;
	ck_assert_uint_eq(table.count, 0);
	ck_assert_ptr_null(table.families);
	put(&table, "late", "", AT("5", "1", "0"), 1100);
	ck_assert_uint_eq(table.count, 0);
	series_table_free(&table);
}
END_TEST

/* ---- tokens -----------------------------------------------------------------
 */

START_TEST(a_token_has_its_rate_and_waits_for_what_it_took_in_advance)
{
	struct token token = {.rate = 10, .budget = 10};

	ck_assert_uint_eq(token_charge(&token, 10, 0), 0);
	ck_assert_uint_eq(token_charge(&token, 25, 0), 0);
	ck_assert_uint_eq(token_charge(&token, 1, 0), 3);
	ck_assert_uint_eq(token_charge(&token, 1, 1000), 2);
	ck_assert_uint_eq(token_charge(&token, 1, 2400), 1);
	ck_assert_uint_eq(token_charge(&token, 1, 2500), 0);
	/* A quiet hour is worth a second. */
	ck_assert_uint_eq(token_charge(&token, 11, HOUR_MS), 0);
	ck_assert_uint_eq(token_charge(&token, 1, HOUR_MS), 1);
	token.rate = 0;
	ck_assert_uint_eq(token_charge(&token, 1000000, HOUR_MS), 0);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, keys_are_kept_over_restarts_for_a_day);
	tcase_add_test(
	    tcase, a_key_is_busy_until_it_is_done_and_new_when_forgotten);
	tcase_add_test(tcase, of_a_million_keys_the_oldest_goes_first);
	tcase_add_test(tcase, what_prometheus_takes_for_one_series_is_one);
	tcase_add_test(tcase, a_snapshot_outlives_its_series);
	tcase_add_test(tcase, series_expire_and_make_room);
	tcase_add_test(
	    tcase, a_token_has_its_rate_and_waits_for_what_it_took_in_advance);
}

int
main(void)
{
	return run_suite("ingestd", add_tests);
}
