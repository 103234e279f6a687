/*
 * ccm-avro's codec and its resolution of schemas, beside avro-c: what the one
 * writes the other reads.
 */
#include <avro.h>
#include <string.h>

#include "../../tools/ccm-avro/metric.h"
#include "../../tools/ccm-avro/schema.h"
#include "../../tools/ccm-avro/wire.h"
#include "unit.h"

static struct text
text(const char *string)
{
	return (struct text){string, strlen(string)};
}

static struct binary
binary_of(const struct buf *bytes)
{
	return (struct binary){bytes->data, bytes->data + bytes->len, NULL};
}

static void
check_text(const struct text *got, const char *wanted)
{
	ck_assert_uint_eq(got->len, strlen(wanted));
	ck_assert(memcmp(got->at, wanted, got->len) == 0);
}

static const char metric_avsc[] =
    "{\"type\":\"record\",\"name\":\"Metric\",\"namespace\":"
    "\"com.metrics.collection\",\"fields\":["
    "{\"name\":\"name\",\"type\":\"string\"},"
    "{\"name\":\"value\",\"type\":\"double\"},"
    "{\"name\":\"timestamp\",\"type\":\"long\"},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"map\",\"values\":\"string\"},"
    "\"default\":{}},{\"name\":\"profileId\",\"type\":\"string\"}]}";

static struct metric_schema *
parse_ours(const char *schema)
{
	struct buf copy = BUF_INIT, problem = BUF_INIT;
	struct metric_schema *ours;

	buf_add_string(&copy, schema);
	buf_terminate(&copy);
	ours = metric_schema_parse(copy.data, copy.len, &problem);
	ck_assert_msg(ours != NULL, "%s", buf_terminate(&problem));
	buf_free(&copy);
	buf_free(&problem);
	return ours;
}

/* NULL and the problem where it is none. */
static struct writer_schema *
parse_writer(
    const struct metric_schema *ours, const char *schema, struct buf *problem)
{
	struct buf copy = BUF_INIT;
	struct writer_schema *writer;

	buf_add_string(&copy, schema);
	buf_terminate(&copy);
	writer = writer_schema_parse(ours, copy.data, copy.len, problem);
	buf_terminate(problem);
	buf_free(&copy);
	return writer;
}

/* ---- numbers ------------------------------------------------------------ */

static const struct {
	int64_t number;
	const char *bytes;
	size_t len;
} longs[] = {{0, "\0", 1}, {-1, "\1", 1}, {1, "\2", 1}, {-64, "\x7f", 1},
    {64, "\x80\1", 2},
    {INT64_MAX, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1", 10},
    {INT64_MIN, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 10}};

/* The examples of the specification, and the ends. */
START_TEST(a_long_is_zigzag)
{
	struct buf out = BUF_INIT;
	struct binary in;
	int64_t number = 0;

	binary_write_long(&out, longs[_i].number);
	ck_assert_uint_eq(out.len, longs[_i].len);
	ck_assert(memcmp(out.data, longs[_i].bytes, out.len) == 0);
	in = binary_of(&out);
	ck_assert(binary_read_long(&in, &number));
	ck_assert_int_eq(number, longs[_i].number);
	ck_assert(in.at == in.end);
	buf_free(&out);
}
END_TEST

static const struct {
	const char *bytes;
	size_t len;
} no_longs[] = {{"", 0}, {"\x80", 1},
    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", 10},
    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 11},
    {"\x80\x80\x80\x80\x80\x80\x80\x80\x80", 9}};

START_TEST(what_is_no_long_is_refused)
{
	struct binary in = {
	    no_longs[_i].bytes, no_longs[_i].bytes + no_longs[_i].len, NULL};
	int64_t number;

	ck_assert(!binary_read_long(&in, &number));
	ck_assert_ptr_nonnull(in.problem);
}
END_TEST

/* ---- the five fields ---------------------------------------------------- */

static void
fill(struct metric *metric)
{
	struct text key = text("host"),
		    value = text("gr\xc3\xbc\xc3\x9f"
				 "e");
	struct text key2 = text("e"), value2 = text("");

	*metric = (struct metric){.name = text("cpu_usage"),
	    .value = 75.5,
	    .timestamp_ms = 1756900800000,
	    .profile_id = text("profile123")};
	metric_add_tag(metric, &key, &value);
	metric_add_tag(metric, &key2, &value2);
}

static void
check_filled(const struct metric *metric)
{
	check_text(&metric->name, "cpu_usage");
	ck_assert(metric->value == 75.5);
	ck_assert_int_eq(metric->timestamp_ms, 1756900800000);
	ck_assert_uint_eq(metric->ntags, 2);
	check_text(&metric->tags[0].key, "host");
	check_text(&metric->tags[0].value,
	    "gr\xc3\xbc\xc3\x9f"
	    "e");
	check_text(&metric->tags[1].key, "e");
	check_text(&metric->tags[1].value, "");
	check_text(&metric->profile_id, "profile123");
}

/* Gives the value of a field of an avro-c record. */
static avro_value_t
field_of(avro_value_t *record, const char *name)
{
	avro_value_t field;

	ck_assert_int_eq(avro_value_get_by_name(record, name, &field, NULL), 0);
	return field;
}

static void
check_avro_string(avro_value_t *value, const char *wanted)
{
	const char *got;
	size_t size;

	ck_assert_int_eq(avro_value_get_string(value, &got, &size), 0);
	ck_assert_str_eq(got, wanted);
}

START_TEST(avro_c_reads_what_we_write)
{
	avro_schema_t schema;
	avro_value_iface_t *class;
	avro_value_t record, field, tag;
	avro_reader_t reader;
	struct metric metric;
	struct buf out = BUF_INIT;
	const char *key;
	size_t size;
	double value;
	int64_t number;

	fill(&metric);
	metric_encode(&out, &metric);
	ck_assert_int_eq(avro_schema_from_json_length(
			     metric_avsc, strlen(metric_avsc), &schema),
	    0);
	class = avro_generic_class_from_schema(schema);
	avro_generic_value_new(class, &record);
	reader = avro_reader_memory(out.data, (int64_t)out.len);
	ck_assert_int_eq(avro_value_read(reader, &record), 0);
	field = field_of(&record, "name");
	check_avro_string(&field, "cpu_usage");
	field = field_of(&record, "value");
	ck_assert_int_eq(avro_value_get_double(&field, &value), 0);
	ck_assert(value == 75.5);
	field = field_of(&record, "timestamp");
	ck_assert_int_eq(avro_value_get_long(&field, &number), 0);
	ck_assert_int_eq(number, 1756900800000);
	field = field_of(&record, "tags");
	ck_assert_int_eq(avro_value_get_size(&field, &size), 0);
	ck_assert_uint_eq(size, 2);
	ck_assert_int_eq(avro_value_get_by_index(&field, 0, &tag, &key), 0);
	ck_assert_str_eq(key, "host");
	check_avro_string(&tag,
	    "gr\xc3\xbc\xc3\x9f"
	    "e");
	field = field_of(&record, "profileId");
	check_avro_string(&field, "profile123");
	avro_reader_free(reader);
	avro_value_decref(&record);
	avro_value_iface_decref(class);
	avro_schema_decref(schema);
	metric_free(&metric);
	buf_free(&out);
}
END_TEST

START_TEST(we_read_what_we_write)
{
	struct metric metric, read = {.tags = NULL};
	struct buf out = BUF_INIT;
	struct binary in;

	fill(&metric);
	metric_encode(&out, &metric);
	in = binary_of(&out);
	ck_assert(metric_decode(&in, &read));
	ck_assert(in.at == in.end);
	check_filled(&read);
	metric_free(&metric);
	metric_free(&read);
	buf_free(&out);
}
END_TEST

/* Wherever a message is cut: a problem, and nothing read beyond it. */
START_TEST(what_is_cut_is_refused)
{
	struct metric metric, read = {.tags = NULL};
	struct buf out = BUF_INIT;

	fill(&metric);
	metric_encode(&out, &metric);
	for (size_t len = 0; len < out.len; len++) {
		/* Of its own size, so that ASan sees what is beyond. */
		char *copy = xstrndup(out.data, 0);
		struct binary in;

		copy = xrealloc(copy, len > 0 ? len : 1);
		memcpy(copy, out.data, len);
		in = (struct binary){copy, copy + len, NULL};
		metric_clear(&read);
		ck_assert(!metric_decode(&in, &read));
		ck_assert_ptr_nonnull(in.problem);
		free(copy);
	}
	metric_free(&metric);
	metric_free(&read);
	buf_free(&out);
}
END_TEST

START_TEST(of_a_key_twice_the_last_value_counts)
{
	struct metric metric = {.tags = NULL};
	struct text a = text("a"), b = text("b"), one = text("1"),
		    two = text("2");

	ck_assert(metric_add_tag(&metric, &a, &one));
	ck_assert(metric_add_tag(&metric, &b, &one));
	ck_assert(metric_add_tag(&metric, &a, &two));
	ck_assert_uint_eq(metric.ntags, 2);
	check_text(&metric.tags[0].key, "a");
	check_text(&metric.tags[0].value, "2");
	metric_free(&metric);
}
END_TEST

/* ---- other writers' schemas --------------------------------------------- */

#define RECORD(name, fields) \
	"{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define STRING "\"string\""
#define TAGS "{\"type\":\"map\",\"values\":\"string\"}"

/* Ours with aliases and defaults. */
static const char lenient_avsc[] =
    "{\"type\":\"record\",\"name\":\"Metric\",\"aliases\":[\"old.Sample\"],"
    "\"fields\":["
    "{\"name\":\"name\",\"type\":\"string\",\"aliases\":[\"metric\"]},"
    "{\"name\":\"value\",\"type\":\"double\",\"aliases\":[\"val\"],"
    "\"default\":-1.5},"
    "{\"name\":\"timestamp\",\"type\":\"long\",\"default\":7},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"map\",\"values\":\"string\"},"
    "\"default\":{\"a\":\"b\"}},"
    "{\"name\":\"profileId\",\"type\":\"string\",\"default\":\"none\"}]}";

/* Sets each field that avro-c's record has, by its name and its type. */
static void
set_field(const char *name, avro_value_t *value)
{
	avro_value_t inner;
	size_t size = 0;

	switch (avro_value_get_type(value)) {
	case AVRO_STRING:
		avro_value_set_string(value,
		    strcmp(name, "profileId") == 0 ? "profile123"
						   : "cpu_usage");
		break;
	case AVRO_BYTES:
		avro_value_set_bytes(value, (void *)(uintptr_t) "cpu_usage", 9);
		break;
	case AVRO_DOUBLE:
		avro_value_set_double(value, 75.5);
		break;
	case AVRO_FLOAT:
		avro_value_set_float(value, 75.5F);
		break;
	case AVRO_INT32:
		avro_value_set_int(value, 75);
		break;
	case AVRO_INT64:
		avro_value_set_long(value, 1756900800000);
		break;
	case AVRO_BOOLEAN:
		avro_value_set_boolean(value, 1);
		break;
	case AVRO_NULL:
		avro_value_set_null(value);
		break;
	case AVRO_ENUM:
		avro_value_set_enum(value, 1);
		break;
	case AVRO_FIXED:
		avro_value_set_fixed(value, (void *)(uintptr_t) "1234", 4);
		break;
	case AVRO_MAP:
		avro_value_add(value, "host", &inner, NULL, NULL);
		set_field(name, &inner);
		break;
	case AVRO_ARRAY:
		for (int i = 0; i < 3; i++) {
			avro_value_append(value, &inner, NULL);
			set_field(name, &inner);
		}
		break;
	case AVRO_UNION:
		avro_value_set_branch(value, 1, &inner);
		set_field(name, &inner);
		break;
	case AVRO_RECORD:
		avro_value_get_size(value, &size);
		for (size_t i = 0; i < size; i++) {
			const char *its;

			avro_value_get_by_index(value, i, &inner, &its);
			set_field(its, &inner);
		}
		break;
	default:
		ck_abort_msg("a type unknown to the test");
	}
}

/* A record as avro-c writes it by that schema. */
static void
write_by(const char *writer_avsc, struct buf *out)
{
	avro_schema_t schema;
	avro_value_iface_t *class;
	avro_value_t record;
	avro_writer_t writer;

	ck_assert_int_eq(avro_schema_from_json_length(
			     writer_avsc, strlen(writer_avsc), &schema),
	    0);
	class = avro_generic_class_from_schema(schema);
	avro_generic_value_new(class, &record);
	set_field("", &record);
	buf_reserve(out, 4096);
	writer = avro_writer_memory(out->data, 4096);
	ck_assert_int_eq(avro_value_write(writer, &record), 0);
	out->len = (size_t)avro_writer_tell(writer);
	avro_writer_free(writer);
	avro_value_decref(&record);
	avro_value_iface_decref(class);
	avro_schema_decref(schema);
}

static const struct {
	const char *ours, *writer;
	const char *line; /* what is read */
} evolutions[] = {
    /* a field added, of any type, in any place */
    {metric_avsc,
	RECORD("Metric",
	    FIELD("x",
		"[\"null\",{\"type\":\"array\",\"items\":{\"type\":\"map\","
		"\"values\":\"long\"}}]") "," FIELD("name",
		STRING) "," FIELD("value", "\"double\"") "," FIELD("y",
		"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a\",\"b\"]}") "," FIELD("timestamp",
		"\"long\"") "," FIELD("z",
		"{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}") "," FIELD("tags",
		TAGS) "," FIELD("f", "\"float\"") "," FIELD("b",
		"\"boolean\"") "," FIELD("n", "\"null\"") "," FIELD("r",
		RECORD("R", FIELD("s", "\"bytes\""))) "," FIELD("profileId",
		STRING)),
	"{\"name\":\"cpu_usage\",\"value\":75.5,\"timestamp\":1756900800000,"
	"\"tags\":{\"host\":\"cpu_usage\"},\"profileId\":\"profile123\","
	"\"received\":1}\n"},
    /* fields in another order, one removed that has a default */
    {metric_avsc,
	RECORD("Metric",
	    FIELD("profileId", STRING) "," FIELD(
		"timestamp", "\"long\"") "," FIELD("value",
		"\"double\"") "," FIELD("name", STRING)),
	"{\"name\":\"cpu_usage\",\"value\":75.5,\"timestamp\":1756900800000,"
	"\"tags\":{},\"profileId\":\"profile123\",\"received\":1}\n"},
    /* promoted, and in unions */
    {metric_avsc,
	RECORD("Metric",
	    FIELD("name", "\"bytes\"") "," FIELD("value", "\"int\"") "," FIELD(
		"timestamp", "[\"null\",\"int\"]") "," FIELD("tags",
		"[\"null\",{\"type\":\"map\",\"values\":[\"null\","
		"\"string\"]}]") "," FIELD("profileId",
		"[\"null\",\"string\"]")),
	"{\"name\":\"cpu_usage\",\"value\":75,\"timestamp\":75,\"tags\":{"
	"\"host\":\"cpu_usage\"},\"profileId\":\"profile123\",\"received\":1}"
	"\n"},
    {metric_avsc,
	RECORD("Metric",
	    FIELD("name", STRING) "," FIELD("value", "\"float\"") "," FIELD(
		"timestamp", "\"long\"") "," FIELD("profileId", STRING)),
	"{\"name\":\"cpu_usage\",\"value\":75.5,\"timestamp\":1756900800000,"
	"\"tags\":{},\"profileId\":\"profile123\",\"received\":1}\n"},
    {metric_avsc,
	RECORD("Metric",
	    FIELD("name", STRING) "," FIELD("value", "\"long\"") "," FIELD(
		"timestamp", "\"long\"") "," FIELD("profileId", STRING)),
	"{\"name\":\"cpu_usage\",\"value\":1756900800000,\"timestamp\":"
	"1756900800000,\"tags\":{},\"profileId\":\"profile123\",\"received\":1}"
	"\n"},
    /* aliases of the record and of fields, and each default */
    {lenient_avsc,
	RECORD(
	    "Sample", FIELD("val", "\"double\"") "," FIELD("metric", STRING)),
	"{\"name\":\"cpu_usage\",\"value\":75.5,\"timestamp\":7,\"tags\":{"
	"\"a\":\"b\"},\"profileId\":\"none\",\"received\":1}\n"},
    {lenient_avsc, RECORD("Metric", FIELD("name", STRING)),
	"{\"name\":\"cpu_usage\",\"value\":-1.5,\"timestamp\":7,\"tags\":{"
	"\"a\":\"b\"},\"profileId\":\"none\",\"received\":1}\n"},
    /* the very name stands before an alias */
    {lenient_avsc,
	RECORD("Metric",
	    FIELD("val", "\"boolean\"") "," FIELD(
		"value", "\"double\"") "," FIELD("name", STRING)),
	"{\"name\":\"cpu_usage\",\"value\":75.5,\"timestamp\":7,\"tags\":{"
	"\"a\":\"b\"},\"profileId\":\"none\",\"received\":1}\n"},
    /* ours by another writer */
    {lenient_avsc, metric_avsc,
	"{\"name\":\"cpu_usage\",\"value\":75.5,\"timestamp\":1756900800000,"
	"\"tags\":{\"host\":\"cpu_usage\"},\"profileId\":\"profile123\","
	"\"received\":1}\n"}};

START_TEST(another_writers_schema_is_resolved)
{
	struct metric_schema *ours = parse_ours(evolutions[_i].ours);
	struct buf bytes = BUF_INIT, line = BUF_INIT, problem = BUF_INIT;
	struct writer_schema *writer =
	    parse_writer(ours, evolutions[_i].writer, &problem);
	struct arrival arrival = {.received_ms = 1, .partition = -1};
	struct metric metric = {.tags = NULL};
	struct binary in;

	ck_assert_msg(writer != NULL, "%s", problem.data);
	write_by(evolutions[_i].writer, &bytes);
	in = binary_of(&bytes);
	ck_assert_msg(
	    writer_schema_decode(writer, &in, &metric), "%s", in.problem);
	ck_assert(in.at == in.end);
	ck_assert(metric_write_line(&line, &metric, &arrival, &problem));
	ck_assert_str_eq(buf_terminate(&line), evolutions[_i].line);
	metric_free(&metric);
	writer_schema_free(writer);
	metric_schema_free(ours);
	buf_free(&bytes);
	buf_free(&line);
	buf_free(&problem);
}
END_TEST

static const struct {
	const char *schema, *problem;
} no_writers[] = {{"{", "not JSON"}, {"\"nothing\"", "not an Avro schema"},
    {"\"string\"", "a schema of a record is expected, not string"},
    {RECORD("Other", FIELD("name", STRING)),
	"it is a schema of \"Other\", not of \"Metric\""},
    {RECORD("Metric",
	 FIELD("name", STRING) "," FIELD("value", "\"double\"") "," FIELD(
	     "timestamp", "\"long\"")),
	"it lacks the field \"profileId\", which has no default"}};

START_TEST(what_is_no_writers_schema_is_refused)
{
	struct metric_schema *ours = parse_ours(metric_avsc);
	struct buf problem = BUF_INIT;

	ck_assert_ptr_null(parse_writer(ours, no_writers[_i].schema, &problem));
	ck_assert_msg(strstr(problem.data, no_writers[_i].problem) != NULL,
	    "%s", problem.data);
	metric_schema_free(ours);
	buf_free(&problem);
}
END_TEST

/* Schemas and bytes that go on and on, or are of another type. */
#define REST                                                                  \
	"," FIELD("name", STRING) "," FIELD("value", "\"double\"") "," FIELD( \
	    "timestamp", "\"long\"") "," FIELD("profileId", STRING)
static const struct {
	const char *schema, *bytes;
	size_t len;
	const char *problem;
} hostile[] = {
    /* 2^62 nulls, then names: fine so far, then it is cut */
    {RECORD(
	 "Metric", FIELD("x", "{\"type\":\"array\",\"items\":\"null\"}") REST),
	"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1\0", 11,
	"it ends within a number"},
    /* a record of itself */
    {RECORD("Metric", FIELD("x", RECORD("A", FIELD("a", "\"A\""))) REST), "", 0,
	"it is nested too deep"},
    /* 2^40 nulls by records of records */
    {RECORD("Metric",
	 FIELD("x",
	     RECORD("A",
		 FIELD("a",
		     RECORD("B",
			 FIELD("a",
			     RECORD("C",
				 FIELD("a",
				     RECORD("D",
					 FIELD("a",
					     RECORD("E",
						 FIELD("a",
						     RECORD("F",
							 FIELD("a",
							     "\"null\"") "," FIELD("b",
							     "\"null\"") "," FIELD("c",
							     "\"null\"") "," FIELD("d",
							     "\"null\"") "," FIELD("e",
							     "\"null\"") "," FIELD("f",
							     "\"null\""))) "," FIELD("b",
						     "\"F\"") "," FIELD("c",
						     "\"F\"") "," FIELD("d",
						     "\"F\"") "," FIELD("e",
						     "\"F\"") "," FIELD("f",
						     "\"F\""))) "," FIELD("b",
					     "\"E\"") "," FIELD("c",
					     "\"E\"") "," FIELD("d",
					     "\"E\"") "," FIELD("e",
					     "\"E\"") "," FIELD("f",
					     "\"E\""))) "," FIELD("b",
				     "\"D\"") "," FIELD("c",
				     "\"D\"") "," FIELD("d",
				     "\"D\"") "," FIELD("e",
				     "\"D\"") "," FIELD("f",
				     "\"D\""))) "," FIELD("b",
			     "\"C\"") "," FIELD("c", "\"C\"") "," FIELD("d",
			     "\"C\"") "," FIELD("e", "\"C\"") "," FIELD("f",
			     "\"C\""))) "," FIELD("b", "\"B\"") "," FIELD("c",
		     "\"B\"") "," FIELD("d", "\"B\"") "," FIELD("e",
		     "\"B\"") "," FIELD("f", "\"B\""))) REST),
	"", 0, "it has too many values"},
    {RECORD("Metric", FIELD("x", "[\"null\",\"int\"]") REST), "\4", 1,
	"a union has no such branch"},
    {RECORD("Metric", FIELD("x", "[\"null\",\"int\"]") REST), "\1", 1,
	"a union has no such branch"},
    {RECORD("Metric", FIELD("x", STRING) REST), "\1", 1,
	"a length is negative"},
    {RECORD("Metric", FIELD("x", "\"bytes\"") REST), "\x80\x94\xeb\xdc\3", 5,
	"a length is more than what is left of it"},
    {RECORD(
	 "Metric", FIELD("x", "{\"type\":\"array\",\"items\":\"int\"}") REST),
	"\1\x80\x94\xeb\xdc\3", 6,
	"a block's size is not within what is left of it"},
    {RECORD(
	 "Metric", FIELD("x", "{\"type\":\"array\",\"items\":\"int\"}") REST),
	"\1\1", 2, "a block's size is not within what is left of it"},
    {RECORD("Metric", FIELD("x", "\"null\"") REST), "\2\xff", 2,
	"a string is not UTF-8"},
    {RECORD("Metric",
	 FIELD("name", "\"int\"") "," FIELD("value", "\"double\"") "," FIELD(
	     "timestamp", "\"long\"") "," FIELD("profileId", STRING)),
	"\2", 1, "it has another type where a string is expected"},
    {RECORD("Metric",
	 FIELD("value", STRING) "," FIELD("name", STRING) "," FIELD(
	     "timestamp", "\"long\"") "," FIELD("profileId", STRING)),
	"\2", 1, "it has another type where a number is expected"},
    {RECORD("Metric",
	 FIELD("timestamp", "\"double\"") "," FIELD("name", STRING) "," FIELD(
	     "value", "\"double\"") "," FIELD("profileId", STRING)),
	"\2", 1, "it has another type where a long is expected"},
    {RECORD("Metric", FIELD("tags", STRING) REST), "\2", 1,
	"it has another type where a map is expected"},
    {RECORD("Metric", FIELD("tags", TAGS) REST), "\2\2", 2,
	"a length is more than what is left of it"}};

START_TEST(hostile_messages_are_refused)
{
	struct metric_schema *ours = parse_ours(metric_avsc);
	struct buf problem = BUF_INIT;
	struct writer_schema *writer =
	    parse_writer(ours, hostile[_i].schema, &problem);
	struct metric metric = {.tags = NULL};
	struct binary in = {
	    hostile[_i].bytes, hostile[_i].bytes + hostile[_i].len, NULL};

	ck_assert_msg(writer != NULL, "%s", problem.data);
	ck_assert(!writer_schema_decode(writer, &in, &metric));
	ck_assert_str_eq(in.problem, hostile[_i].problem);
	metric_free(&metric);
	writer_schema_free(writer);
	metric_schema_free(ours);
	buf_free(&problem);
}
END_TEST

static const struct {
	const char *schema, *problem;
} not_ours[] = {{"x", "not JSON"}, {"\"int\"", "a schema of a record"},
    {RECORD("Metric", FIELD("name", STRING)),
	"a client metric's schema is expected"},
    {RECORD("Metric",
	 FIELD("nom", STRING) "," FIELD("value", "\"double\"") "," FIELD(
	     "timestamp", "\"long\"") "," FIELD("tags",
	     TAGS) "," FIELD("profileId", STRING)),
	"field 1 is not \"name\""},
    {RECORD("Metric",
	 FIELD("name", STRING) ",{\"name\":\"value\",\"type\":\"double\","
			       "\"default\":\"x\"}," FIELD(
				   "timestamp", "\"long\"") "," FIELD("tags",
				   TAGS) "," FIELD("profileId", STRING)),
	"the default of \"value\" is not of its type"}};

START_TEST(what_is_not_our_schema_is_refused)
{
	struct buf copy = BUF_INIT, problem = BUF_INIT;

	buf_add_string(&copy, not_ours[_i].schema);
	buf_terminate(&copy);
	ck_assert_ptr_null(metric_schema_parse(copy.data, copy.len, &problem));
	ck_assert_msg(
	    strstr(buf_terminate(&problem), not_ours[_i].problem) != NULL, "%s",
	    problem.data);
	buf_free(&copy);
	buf_free(&problem);
}
END_TEST

/* ---- keys --------------------------------------------------------------- */

static const struct {
	const char *key, *name, *app_id;
} keys[] = {{"shop:cpu", "cpu", "shop"}, {"a~b.c_d-e:x:y", "x:y", "a~b.c_d-e"},
    {"cpu", "cpu", NULL}, {"cpu:host1", "cpu", NULL}, {":cpu", "cpu", NULL},
    {"s/p:cpu", "cpu", NULL}, {"", "cpu", NULL}};

START_TEST(a_key_has_its_application_at_its_first_colon)
{
	struct text key = text(keys[_i].key), name = text(keys[_i].name);
	struct text app_id;

	if (keys[_i].app_id == NULL) {
		ck_assert(!wire_read_key(&key, &name, &app_id));
	} else {
		ck_assert(wire_read_key(&key, &name, &app_id));
		check_text(&app_id, keys[_i].app_id);
	}
}
END_TEST

#define LOOP(tcase, test, cases) \
	tcase_add_loop_test(     \
	    tcase, test, 0, (int)(sizeof(cases) / sizeof((cases)[0])))

static void
add_tests(TCase *tcase)
{
	LOOP(tcase, a_long_is_zigzag, longs);
	LOOP(tcase, what_is_no_long_is_refused, no_longs);
	tcase_add_test(tcase, avro_c_reads_what_we_write);
	tcase_add_test(tcase, we_read_what_we_write);
	tcase_add_test(tcase, what_is_cut_is_refused);
	tcase_add_test(tcase, of_a_key_twice_the_last_value_counts);
	LOOP(tcase, another_writers_schema_is_resolved, evolutions);
	LOOP(tcase, what_is_no_writers_schema_is_refused, no_writers);
	LOOP(tcase, hostile_messages_are_refused, hostile);
	LOOP(tcase, what_is_not_our_schema_is_refused, not_ours);
	LOOP(tcase, a_key_has_its_application_at_its_first_colon, keys);
}

int
main(void)
{
	return run_suite("avro", add_tests);
}
