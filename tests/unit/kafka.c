#include <string.h>
#include <sysexits.h>

#include "kafka-address.h"
#include "kafka-problem.h"

#include "unit.h"

/* ---- addresses ---------------------------------------------------------- */

static const struct {
	const char *text, *protocol;
	const char *list;    /* NULL: refused */
	const char *problem; /* a part of it */
} addresses[] = {{"h:9092", "PLAINTEXT", "h:9092", NULL},
    {" a:1 , b.c:2,", "PLAINTEXT", "a:1,b.c:2", NULL},
    {"h", "PLAINTEXT", "h", NULL},
    {"[::1]:9092", "PLAINTEXT", "[::1]:9092", NULL},
    {"sasl_ssl://h:9092", "SASL_SSL", "sasl_ssl://h:9092", NULL},
    {"h:65535", "SSL", "h:65535", NULL}, {"", "PLAINTEXT", NULL, "empty list"},
    {" , ", "PLAINTEXT", NULL, "empty list"},
    {"SASL_SSL://h:9092", "PLAINTEXT", NULL,
	"KAFKA_SECURITY_PROTOCOL=SASL_SSL"},
    {"https://h", "PLAINTEXT", NULL, "HOST:PORT"},
    {"[\"h:9092\"]", "PLAINTEXT", NULL, "HOST:PORT"},
    {"\"h:9092\"", "PLAINTEXT", NULL, "HOST:PORT"},
    {"h:9092;i:9092", "PLAINTEXT", NULL, "port"},
    {"127.0.0.1:99999", "PLAINTEXT", NULL, "port"},
    {"h:0", "PLAINTEXT", NULL, "port"}, {"h:", "PLAINTEXT", NULL, "port"},
    {"-F/etc/passwd:1", "PLAINTEXT", NULL, "HOST:PORT"}};

START_TEST(a_list_of_addresses_is_cleaned_or_refused_by_name)
{
	struct buf list = BUF_INIT, problem = BUF_INIT;
	bool good = kafka_addresses(
	    addresses[_i].text, addresses[_i].protocol, &list, &problem);

	ck_assert_int_eq(good, addresses[_i].list != NULL);
	if (good)
		ck_assert_str_eq(buf_terminate(&list), addresses[_i].list);
	else
		ck_assert_ptr_nonnull(
		    strstr(buf_terminate(&problem), addresses[_i].problem));
	buf_free(&list);
	buf_free(&problem);
}
END_TEST

/* ---- problems ----------------------------------------------------------- */

/* As librdkafka 2.0.2, kcat 1.7.1 and kinit write them. */
static const struct {
	enum companion_kind kind;
	const char *name, *text;
	int status;
	const char *broker, *message; /* a part of it */
} events[] = {{COMPANION_LOG, "FAIL",
		  "10.0.0.5:9092/bootstrap: Connect to ipv4#10.0.0.5:9092 "
		  "failed: Connection refused (after 0ms in state CONNECT)",
		  EX_TEMPFAIL, "10.0.0.5:9092", "Connection refused"},
    {COMPANION_LOG, "FAIL",
	"ssl://b.example:9093/1: SSL handshake failed: error:0A000086:SSL "
	"routines::certificate verify failed: broker certificate could not be "
	"verified, verify that ssl.ca.location is correctly configured (after "
	"3ms in state SSL_HANDSHAKE)",
	EX_CONFIG, "b.example:9093", "KAFKA_SSL_CAFILE"},
    {COMPANION_LOG, "FAIL",
	"sasl_plaintext://b:1/1: SASL PLAIN mechanism handshake failed: "
	"Broker: Unsupported SASL mechanism: broker's supported mechanisms: "
	"GSSAPI (after 0ms in state AUTH_HANDSHAKE)",
	EX_CONFIG, "b:1", "KAFKA_SASL_MECHANISM"},
    {COMPANION_ERROR, "_AUTHENTICATION",
	"sasl_plaintext://b:1/1: SASL authentication error: Authentication "
	"failed: Invalid username or password (after 9ms in state AUTH_REQ)",
	EX_NOPERM, "b:1", "refuses these credentials"},
    {COMPANION_ERROR, "CLUSTER_AUTHORIZATION_FAILED",
	"Failed to acquire idempotence PID from broker b:1/1: Broker: Cluster "
	"authorization failed: terminating",
	EX_NOPERM, "", "KAFKA_ENABLE_IDEMPOTENCE=false"},
    {COMPANION_LINE, "", "kinit: Client's credentials have been revoked",
	EX_NOPERM, "", "keytab"},
    {COMPANION_PROPERTY, "ssl.ca.location",
	"ssl.ca.location failed: error:02001002:system library::No such file",
	EX_CONFIG, "", "librdkafka refuses"},
    {COMPANION_LINE, "", "% Reached end of topic", 0, "", ""},
    {COMPANION_LOG, "FAIL",
	"b:1/1: Broker handle destroyed (after 5ms in state UP)", 0, "", ""}};

START_TEST(an_event_means_a_status_and_says_what_to_do)
{
	static const struct kafka_settings settings;
	static struct companion_event event;
	struct kafka_problem problem = KAFKA_PROBLEM_INIT;

	event.kind = events[_i].kind;
	strcpy(event.name, events[_i].name);
	strcpy(event.text, events[_i].text);
	ck_assert_int_eq(kafka_problem_read(&problem, &settings, &event),
	    events[_i].status != 0);
	ck_assert_int_eq(problem.status, events[_i].status);
	if (events[_i].status != 0) {
		ck_assert_str_eq(problem.broker.data, events[_i].broker);
		ck_assert_ptr_nonnull(
		    strstr(problem.message.data, events[_i].message));
		/* librdkafka's number of a broker, and a duration */
		ck_assert_ptr_null(strstr(problem.message.data, "/1:"));
		ck_assert_ptr_null(strstr(problem.message.data, "(after"));
	}
	kafka_problem_free(&problem);
}
END_TEST

START_TEST(kcats_own_words_do_not_replace_librdkafkas)
{
	static const struct kafka_settings settings;
	static struct companion_event refusal = {.kind = COMPANION_ERROR,
	    .text = "Failed to acquire idempotence PID from broker b:1/1: "
		    "Broker: Cluster authorization failed"};
	static struct companion_event line = {.kind = COMPANION_LINE,
	    .text = "% ERROR: Failed to produce message (131 bytes): Broker: "
		    "Cluster authorization failed"};
	struct kafka_problem problem = KAFKA_PROBLEM_INIT;

	ck_assert(kafka_problem_read(&problem, &settings, &line));
	ck_assert(kafka_problem_read(&problem, &settings, &refusal));
	ck_assert(!kafka_problem_read(&problem, &settings, &line));
	ck_assert_ptr_nonnull(
	    strstr(problem.message.data, "KAFKA_ENABLE_IDEMPOTENCE"));
	kafka_problem_free(&problem);
}
END_TEST

START_TEST(an_absence_does_not_replace_a_refusal)
{
	static const struct kafka_settings settings;
	static struct companion_event refusal = {.kind = COMPANION_ERROR,
	    .text = "b:1/1: SASL authentication error: no"};
	static struct companion_event absence = {.kind = COMPANION_LOG,
	    .name = "FAIL",
	    .text = "b:1/1: Disconnected"};
	struct kafka_problem problem = KAFKA_PROBLEM_INIT;

	ck_assert(kafka_problem_read(&problem, &settings, &absence));
	ck_assert(!kafka_problem_refuses(&problem));
	ck_assert(kafka_problem_read(&problem, &settings, &refusal));
	ck_assert(!kafka_problem_read(&problem, &settings, &absence));
	ck_assert_int_eq(problem.status, EX_NOPERM);
	kafka_problem_clear(&problem);
	ck_assert(kafka_problem_read(&problem, &settings, &absence));
	ck_assert_int_eq(problem.status, EX_TEMPFAIL);
	kafka_problem_free(&problem);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase,
	    a_list_of_addresses_is_cleaned_or_refused_by_name, 0,
	    sizeof(addresses) / sizeof(addresses[0]));
	tcase_add_loop_test(tcase, an_event_means_a_status_and_says_what_to_do,
	    0, sizeof(events) / sizeof(events[0]));
	tcase_add_test(tcase, kcats_own_words_do_not_replace_librdkafkas);
	tcase_add_test(tcase, an_absence_does_not_replace_a_refusal);
}

int
main(void)
{
	return run_suite("kafka", add_tests);
}
