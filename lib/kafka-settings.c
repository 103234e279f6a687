#include "kafka-settings.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "env.h"
#include "json.h"
#include "kafka-address.h"
#include "kafka-settings-table.h"
#include "log.h"

/* kcat reads its file's lines into 512 bytes. */
#define LINE_BYTES_MAX 511
#define QUOTED_BYTES_MAX 60
#define UNKNOWN_NAMED_MAX 10
/* 15 minutes: the most that a broker allows for a transaction, unless told
 * otherwise. */
#define DELIVERY_MS 900000
/* Twice the longest line (1 MiB; its key is a part of it), delimiters, and the
 * 2048 bytes that kcat's reader wants. */
#define MESSAGE_BYTES 2101248

/* ---- a setting as it was given ------------------------------------------ */

enum value_type {
	VALUE_TEXT,
	VALUE_NUMBER,
	VALUE_BOOLEAN,
	VALUE_ARRAY,
	VALUE_NUMBERS /* an array with a number in it */,
	OTHER
};

struct setting {
	char *shown;      /* for messages: a variable, or a key of the object */
	const char *name; /* an argument's, or a property's own */
	const struct argument_rule *rule; /* NULL: it is a property */
	bool from_object, refused;
	enum value_type type;
	char *text; /* an array's items with commas between them */
	/* What it becomes: properties of ours. */
	struct {
		const char *property;
		char *value; /* NULL: it leaves this one alone */
	} to[2];
};

struct reading {
	struct kafka_settings *out;
	struct setting *all;
	size_t count, size;
	struct buf unknown; /* names of variables */
	size_t nunknown;
	bool failed;
};

static void refuse(struct reading *reading, struct setting *setting,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

static void
refuse(
    struct reading *reading, struct setting *setting, const char *format, ...)
{
	struct buf message = BUF_INIT;
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		die(EX_OSERR, "out of memory");
	va_end(ap);
	buf_printf(&message, "%s %s", setting->shown, text);
	log_error("%s", buf_terminate(&message));
	buf_free(&message);
	free(text);
	setting->refused = reading->failed = true;
}

static struct setting *
new_setting(struct reading *reading)
{
	if (reading->count == reading->size)
		reading->all = grow_array(
		    reading->all, &reading->size, sizeof(*reading->all));
	reading->all[reading->count] = (struct setting){.shown = NULL};
	return &reading->all[reading->count++];
}

static void
name_setting(struct setting *setting, const char *name)
{
	setting->rule = argument_rule(name);
	if (setting->rule != NULL) {
		setting->name = setting->rule->name;
		for (int i = 0; i < 2; i++)
			setting->to[i].property = setting->rule->to[i];
	} else {
		setting->name = property_name(name);
		setting->to[0].property = setting->name;
	}
}

/* ---- how values are read ------------------------------------------------ */

/* "is "VALUE"; it takes WHAT"; the value only where it can be no secret. */
static void
refuse_value(struct reading *reading, struct setting *setting, const char *what)
{
	refuse(reading, setting, "is \"%.*s\"; it takes %s", QUOTED_BYTES_MAX,
	    setting->text, what);
}

static char *
trimmed(const char *text)
{
	size_t len;

	text += strspn(text, " ");
	len = strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	return xstrndup(text, len);
}

static char *
changed(const char *text, int (*change)(int))
{
	char *out = trimmed(text);

	for (char *at = out; *at != '\0'; at++)
		*at = (char)change((unsigned char)*at);
	return out;
}

static char *
printed(intmax_t number)
{
	struct buf out = BUF_INIT;

	buf_printf(&out, "%" PRIdMAX, number);
	return buf_terminate(&out);
}

/* Digits, with a sign and a fraction; librdkafka itself knows the range. */
static bool
is_number(const char *text)
{
	size_t digits;

	text += *text == '-';
	digits = strspn(text, "0123456789");
	text += digits;
	if (digits == 0 || digits > 15)
		return false;
	if (*text == '.') {
		digits = strspn(text + 1, "0123456789");
		text += 1 + digits;
	}
	return digits > 0 && *text == '\0';
}

static char *
read_integer(struct reading *reading, struct setting *setting, bool rounds)
{
	char *text = trimmed(setting->text);
	double number = strtod(text, NULL);
	bool good = is_number(text) && setting->type != VALUE_BOOLEAN;

	free(text);
	/* Python's milliseconds may have a fraction, librdkafka's have none. */
	if (rounds)
		number = floor(number + 0.5);
	if (good && floor(number) >= number && fabs(number) <= INT_MAX)
		return printed((intmax_t)number);
	refuse_value(reading, setting, "an integer in decimal digits");
	return NULL;
}

static char *
read_decimal(struct reading *reading, struct setting *setting)
{
	char *text = trimmed(setting->text);

	if (is_number(text))
		return text;
	free(text);
	refuse_value(reading, setting, "a number in decimal digits");
	return NULL;
}

/* librdkafka knows which words there are; a Python object is none. */
static char *
read_word(struct reading *reading, struct setting *setting)
{
	char *word = changed(setting->text, tolower);

	if (strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") ==
	    strlen(word))
		return word;
	free(word);
	refuse_value(reading, setting, "a word that librdkafka knows");
	return NULL;
}

static char *
read_boolean(const struct setting *setting)
{
	char *text = changed(setting->text, tolower);

	if (strcmp(text, "1") == 0 || strcmp(text, "0") == 0) {
		bool yes = *text == '1';

		free(text);
		return xstrdup(yes ? "true" : "false");
	}
	return text;
}

static char *
read_acks(struct reading *reading, struct setting *setting)
{
	char *text = changed(setting->text, tolower);

	if (strcmp(text, "all") == 0) {
		free(text);
		text = xstrdup("-1");
	}
	if (strcmp(text, "-1") == 0 || strcmp(text, "1") == 0)
		return text;
	if (strcmp(text, "0") == 0)
		refuse(reading, setting,
		    "is 0: without acknowledgements nothing proves that a record was sent; it takes all, -1 or 1");
	else
		refuse_value(reading, setting, "all, -1 or 1");
	free(text);
	return NULL;
}

/* In upper case: librdkafka finds the mechanism by its exact name. */
static char *
read_mechanism(struct reading *reading, struct setting *setting)
{
	static const char *const known[] = {
	    "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI"};
	char *text = changed(setting->text, toupper);

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(text, known[i]) == 0)
			return text;
	if (strcmp(text, "OAUTHBEARER") == 0)
		refuse(reading, setting,
		    "is OAUTHBEARER, which does not work: this kcat has nothing that fetches a token");
	else if (strcmp(text, "AWS_MSK_IAM") == 0)
		refuse(reading, setting,
		    "is AWS_MSK_IAM, which librdkafka does not have");
	else
		refuse_value(reading, setting,
		    "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or GSSAPI");
	free(text);
	return NULL;
}

static char *
read_strategy(struct reading *reading, struct setting *setting)
{
	static const char *const known[] = {
	    "range", "roundrobin", "cooperative-sticky"};
	struct buf out = BUF_INIT;
	char **items;
	size_t count;

	env_split(setting->text, &items, &count);
	for (size_t i = 0; i < count && !setting->refused; i++) {
		size_t k = 0;

		while (k < 3 && strcasecmp(items[i], known[k]) != 0)
			k++;
		if (k == 3)
			refuse(reading, setting,
			    "is a Python-only argument; of its names, range, roundrobin and cooperative-sticky are understood");
		else
			buf_printf(&out, "%s%s", i > 0 ? "," : "", known[k]);
	}
	env_list_free(items, count);
	if (!setting->refused && out.len > 0)
		return buf_terminate(&out);
	buf_free(&out);
	return NULL;
}

/* The value of a property, the caller's; NULL where it was refused. */
static char *
read_property(
    struct reading *reading, struct setting *setting, const char *property)
{
	struct property_rule rule = property_rule(property);
	size_t len = strlen(property);

	switch (rule.type) {
	case WORD:
		return read_word(reading, setting);
	case BOOLEAN:
		return read_boolean(setting);
	case INTEGER:
		return read_integer(reading, setting,
		    len > 3 && strcmp(property + len - 3, ".ms") == 0);
	case DECIMAL:
		return read_decimal(reading, setting);
	case ACKS:
		return read_acks(reading, setting);
	case MECHANISM:
		return read_mechanism(reading, setting);
	case STRATEGY:
		return read_strategy(reading, setting);
	default:
		return xstrdup(setting->text);
	}
}

/* ---- arguments that are more than one property -------------------------- */

/* Python writes (0, 9) or [0, 9] or "0.9". */
static void
read_api_version(struct reading *reading, struct setting *setting)
{
	struct buf text = BUF_INIT;
	int part[3] = {0, 0, 0}, read = 0, end = 0;

	for (const char *at = setting->text; *at != '\0'; at++)
		if (strchr("() []", *at) == NULL)
			buf_add_char(&text, *at == ',' ? '.' : *at);
	buf_terminate(&text);
	if (strcasecmp(text.data, "auto") != 0 &&
	    (setting->type == VALUE_NUMBER ||
		(read = sscanf(text.data, "%4d.%4d%n.%4d%n", &part[0], &part[1],
		     &end, &part[2], &end)) < 2 ||
		text.data[end] != '\0'))
		refuse_value(reading, setting,
		    "\"auto\" or a version such as \"2.6\" or [2, 6]");
	else if (read < 2 || part[0] > 0 || part[1] >= 10)
		; /* librdkafka asks the broker */
	else if (part[1] < 8)
		refuse(reading, setting,
		    "is \"%.*s\", older than what librdkafka knows",
		    QUOTED_BYTES_MAX, setting->text);
	else {
		setting->to[0].value = xstrdup("false");
		setting->to[1].value = xstrdup("0.9.0");
		if (part[1] == 8) {
			free(setting->to[1].value);
			text.len = 0;
			buf_printf(&text, "0.8.%d", part[2]);
			setting->to[1].value = xstrdup(buf_terminate(&text));
		}
	}
	buf_free(&text);
}

/* 0 is kafka-python's way to ask for no batches. */
static void
read_batch_size(struct reading *reading, struct setting *setting)
{
	char *value = read_integer(reading, setting, false);

	if (value != NULL && strcmp(value, "0") == 0) {
		free(value);
		setting->to[1].value = xstrdup("1");
	} else
		setting->to[0].value = value;
}

static void
read_kilobytes(struct reading *reading, struct setting *setting)
{
	char *text = trimmed(setting->text);
	double bytes = strtod(text, NULL);

	if (!is_number(text) || bytes < 1 || bytes > INT_MAX * 1024.0)
		refuse_value(reading, setting, "a number of bytes");
	else
		setting->to[0].value = printed((intmax_t)ceil(bytes / 1024));
	free(text);
}

static void
read_argument(struct reading *reading, struct setting *setting)
{
	const struct argument_rule *rule = setting->rule;
	char *value;

	switch (rule->way) {
	case PYTHON_ONLY:
		refuse(reading, setting, "is a Python-only argument%s%s",
		    rule->advice != NULL ? "; " : "",
		    rule->advice != NULL ? rule->advice : "");
		break;
	case NO_COUNTERPART:
		refuse(reading, setting, "has no counterpart here; %s",
		    rule->advice);
		break;
	case CHECK_HOSTNAME:
		value = read_boolean(setting);
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			refuse_value(reading, setting, "true, false, 1 or 0");
		else
			setting->to[0].value =
			    xstrdup(*value == 't' ? "https" : "none");
		free(value);
		break;
	case RETRIES:
		/* kafka-python's default is infinity, which JSON has not. */
		value = changed(setting->text, tolower);
		setting->to[0].value =
		    strcmp(value, "inf") == 0 || strcmp(value, "infinity") == 0
		    ? printed(INT_MAX)
		    : read_integer(reading, setting, false);
		free(value);
		break;
	case DNS_LOOKUP:
		if (strcmp(setting->text, "use_all_dns_ips") != 0)
			refuse(reading, setting,
			    "is \"%.*s\"; librdkafka always does what use_all_dns_ips says",
			    QUOTED_BYTES_MAX, setting->text);
		break;
	case API_VERSION:
		read_api_version(reading, setting);
		break;
	case BATCH_SIZE:
		read_batch_size(reading, setting);
		break;
	case KILOBYTES:
		read_kilobytes(reading, setting);
		break;
	case ADDRESSES:
		/* Read when the security protocol is known. */
		if (setting->type == VALUE_TEXT || setting->type == VALUE_ARRAY)
			setting->to[0].value = xstrdup(setting->text);
		else
			refuse(reading, setting, "is not a list of addresses");
		break;
	default:
		for (int i = 0; i < 2 && rule->to[i] != NULL; i++)
			setting->to[i].value =
			    read_property(reading, setting, rule->to[i]);
	}
}

/* Only lists may be arrays. */
static bool
has_right_type(const struct setting *setting)
{
	enum property_type type = setting->rule == NULL
	    ? property_rule(setting->name).type
	    : setting->rule->to[0] != NULL
	    ? property_rule(setting->rule->to[0]).type
	    : TEXT;

	if (setting->type == OTHER)
		return false;
	if (setting->type == VALUE_NUMBERS)
		return setting->rule != NULL &&
		    setting->rule->way == API_VERSION;
	if (setting->rule != NULL && setting->rule->way != AS_PROPERTY)
		return true;
	if (setting->type == VALUE_ARRAY)
		return type == STRATEGY;
	if (type != TEXT || setting->type == VALUE_TEXT)
		return true;
	/* A number that is written as it was read: 1.10 would be 1.1. */
	return setting->rule == NULL && strchr(setting->text, '.') == NULL;
}

/* ---- what kcat's file can carry ----------------------------------------- */

/* The file drops the one in silence; the other can be longer than a line. Other
 * users of the machine see arguments: neither is a secret. */
static bool
goes_by_argument(const char *property)
{
	return strcmp(property, "ssl.endpoint.identification.algorithm") == 0 ||
	    strcmp(property, "bootstrap.servers") == 0;
}

static void
check_carried(struct reading *reading, struct setting *setting,
    const char *property, const char *value)
{
	size_t len = strlen(value), name_len = strlen(property);

	for (const char *at = value; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ' || *at == '\177') {
			refuse(reading, setting,
			    "has a control character, which kcat cannot be given");
			return;
		}
		if (*at == '\\' && (at[1] == ':' || at[1] == '=')) {
			refuse(reading, setting,
			    "has a backslash before : or =, which kcat would cut out");
			return;
		}
	}
	if (len > 0 && value[0] == ' ')
		refuse(reading, setting,
		    "begins with a blank, which kcat would cut off");
	else if (len > 0 && value[len - 1] == ' ')
		refuse(reading, setting,
		    "ends with a blank, which kcat would cut off");
	else if (name_len + 1 + len > LINE_BYTES_MAX &&
	    !goes_by_argument(property))
		refuse(reading, setting,
		    "is too long: kcat takes %zu bytes here",
		    LINE_BYTES_MAX - 1 - name_len);
}

static void
translate(struct reading *reading, struct setting *setting)
{
	if (setting->refused)
		return;
	if (!has_right_type(setting))
		refuse(reading, setting, "is not text");
	else if (setting->rule != NULL)
		read_argument(reading, setting);
	else
		setting->to[0].value =
		    read_property(reading, setting, setting->name);
	/* Addresses are checked by themselves, later. */
	if (setting->rule != NULL && setting->rule->way == ADDRESSES)
		return;
	for (int i = 0; i < 2 && !setting->refused; i++)
		if (setting->to[i].value != NULL)
			check_carried(reading, setting, setting->to[i].property,
			    setting->to[i].value);
}

static bool
is_secret(const char *property)
{
	static const char end[] = "password";
	size_t len = strlen(property);

	return len >= sizeof(end) - 1 &&
	    strcmp(property + len - (sizeof(end) - 1), end) == 0;
}

/* ---- where settings come from ------------------------------------------- */

/* The variables that can be given as NAME_FILE or as a credential. */
static const char *const secrets[] = {"KAFKA_SASL_PASSWORD",
    "KAFKA_SASL_PLAIN_PASSWORD", "KAFKA_SASL_USERNAME",
    "KAFKA_SASL_PLAIN_USERNAME", "KAFKA_SSL_PASSWORD"};
#define SECRETS (sizeof(secrets) / sizeof(*secrets))

/* "KAFKA_LINGER_MS": the setting of that name; `value` becomes the setting's.
 */
static void
add_variable(struct reading *reading, const char *variable, char *value)
{
	struct setting *setting = new_setting(reading);
	char *name = changed(variable + strlen("KAFKA_"), tolower);
	struct buf problem = BUF_INIT;
	bool good;

	setting->shown = xstrdup(variable);
	name_setting(setting, name);
	setting->text = value;
	free(name);
	good = setting->rule->to[0] != NULL && is_secret(setting->rule->to[0])
	    ? env_value_is_unquoted(variable, value, &problem)
	    : env_value_is_printable(variable, value, &problem);
	if (!good) {
		log_error("%s", buf_terminate(&problem));
		setting->refused = reading->failed = true;
	}
	buf_free(&problem);
}

static void
read_secrets(struct reading *reading)
{
	struct buf problem = BUF_INIT;
	char *value;

	for (size_t i = 0; i < SECRETS; i++) {
		problem.len = 0;
		if (!env_text(secrets[i], &value, &problem)) {
			struct setting *setting = new_setting(reading);

			log_error("%s", buf_terminate(&problem));
			setting->shown = xstrdup(secrets[i]);
			setting->refused = reading->failed = true;
			setting->text = xstrdup("");
			value = changed(secrets[i] + 6, tolower);
			name_setting(setting, value);
			free(value);
		} else if (value != NULL) {
			add_variable(reading, secrets[i], xstrdup(value));
			env_secret_free(value);
		}
	}
	buf_free(&problem);
}

/* What Kubernetes injects for a service that is called kafka, or kafka-N. */
static bool
is_service_link(const char *name)
{
	size_t len = strlen(name);
	const char *port = strstr(name, "_PORT_");

	return (len > 13 && strcmp(name + len - 13, "_SERVICE_HOST") == 0) ||
	    strstr(name, "_SERVICE_PORT") != NULL ||
	    (len > 5 && strcmp(name + len - 5, "_PORT") == 0) ||
	    (port != NULL && isdigit((unsigned char)port[6]));
}

static bool
is_read_elsewhere(const char *name)
{
	size_t len;

	if (strcmp(name, "KAFKA_SETTINGS") == 0 ||
	    strcmp(name, "KAFKA_SETTINGS_FILE") == 0)
		return true;
	for (size_t i = 0; i < SECRETS; i++) {
		len = strlen(secrets[i]);
		if (strncmp(name, secrets[i], len) == 0 &&
		    (name[len] == '\0' || strcmp(name + len, "_FILE") == 0))
			return true;
	}
	return false;
}

static void
add_unknown(struct reading *reading, const char *name)
{
	if (is_service_link(name))
		return;
	if (reading->nunknown++ < UNKNOWN_NAMED_MAX)
		buf_printf(&reading->unknown, "%s%s",
		    reading->unknown.len > 0 ? ", " : "", name);
}

/* A name that is not all in capitals is none of ours. */
static bool
is_ours(const char *variable)
{
	char *name = changed(variable + strlen("KAFKA_"), tolower);
	char *back = changed(name, toupper);
	bool ours = argument_rule(name) != NULL &&
	    strcmp(back, variable + strlen("KAFKA_")) == 0;

	free(name);
	free(back);
	return ours;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of all variables that begin so, ordered; the caller frees them. */
static char **
variables(const char *prefix, size_t *count)
{
	char **names;
	size_t all = 0;

	while (environ[all] != NULL)
		all++;
	names = xreallocarray(NULL, all + 1, sizeof(*names));
	*count = 0;
	for (size_t i = 0; i < all; i++)
		if (strncmp(environ[i], prefix, strlen(prefix)) == 0)
			names[(*count)++] =
			    xstrndup(environ[i], strcspn(environ[i], "="));
	qsort(names, *count, sizeof(*names), compare_names);
	return names;
}

static void
read_variables(struct reading *reading)
{
	size_t count;
	char **names = variables("KAFKA_", &count);

	for (size_t i = 0; i < count; i++) {
		const char *value = getenv(names[i]);

		if (value == NULL || *value == '\0' ||
		    is_read_elsewhere(names[i]))
			;
		else if (is_ours(names[i]))
			add_variable(reading, names[i], xstrdup(value));
		else
			add_unknown(reading, names[i]);
		free(names[i]);
	}
	free(names);
	if (reading->nunknown > UNKNOWN_NAMED_MAX)
		buf_printf(&reading->unknown, " and %zu more",
		    reading->nunknown - UNKNOWN_NAMED_MAX);
	if (reading->nunknown > 0)
		log_warn("ignoring what is not a Kafka setting: %s",
		    buf_terminate(&reading->unknown));
}

/* A number as it would be written by hand: what cJSON keeps of it is a double.
 */
static void
add_number(struct buf *out, double number)
{
	if (floor(number) >= number && fabs(number) < 1e15)
		buf_printf(out, "%.0f", number);
	else
		buf_printf(out, "%.15g", number);
}

/* The items of an array with commas between. */
static enum value_type
add_items(struct buf *out, const cJSON *array)
{
	enum value_type type = VALUE_ARRAY;
	const cJSON *item;

	cJSON_ArrayForEach(item, array)
	{
		if (out->len > 0)
			buf_add_char(out, ',');
		if (cJSON_IsString(item))
			buf_add_string(out, item->valuestring);
		else if (!cJSON_IsNumber(item))
			return OTHER;
		else {
			add_number(out, item->valuedouble);
			type = VALUE_NUMBERS;
		}
	}
	return type;
}

static void
take_value(struct setting *setting, const cJSON *value)
{
	struct buf text = BUF_INIT;

	setting->type = OTHER;
	if (cJSON_IsString(value)) {
		setting->type = VALUE_TEXT;
		buf_add_string(&text, value->valuestring);
	} else if (cJSON_IsBool(value)) {
		setting->type = VALUE_BOOLEAN;
		buf_add_string(&text, cJSON_IsTrue(value) ? "true" : "false");
	} else if (cJSON_IsNumber(value)) {
		setting->type = VALUE_NUMBER;
		add_number(&text, value->valuedouble);
	} else if (cJSON_IsArray(value))
		setting->type = add_items(&text, value);
	setting->text = xstrdup(buf_terminate(&text));
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
}

/* Names without a dot that are librdkafka's: from the object alone, as
 * KAFKA_DEBUG is a variable of Kafka's own scripts. */
static bool
is_property(const char *key)
{
	return strspn(key,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		   "0123456789_.-") == strlen(key) &&
	    (strchr(key, '.') != NULL || strcmp(key, "debug") == 0 ||
		strcmp(key, "log_level") == 0);
}

static void
add_member(struct reading *reading, const cJSON *member)
{
	struct setting *setting;
	struct buf shown = BUF_INIT;
	const char *key = member->string, *why;

	if (cJSON_IsNull(member) ||
	    (cJSON_IsString(member) && *member->valuestring == '\0'))
		return;
	setting = new_setting(reading);
	setting->from_object = true;
	buf_add_string(&shown, "KAFKA_SETTINGS: \"");
	json_escape_any(&shown, key);
	buf_add_char(&shown, '"');
	setting->shown = buf_terminate(&shown);
	take_value(setting, member);
	name_setting(setting, key);
	why = property_refusal(key);
	if (why == NULL)
		why = property_refusal(setting->name);
	if (setting->rule != NULL)
		return;
	if (why != NULL)
		refuse(reading, setting, "is refused: %s", why);
	else if (!is_property(key))
		refuse(reading, setting, "is not a Kafka setting");
}

/* "\u0000" ends a C string. */
static bool
has_nul_escape(const char *text)
{
	return strstr(text, "\\u0000") != NULL;
}

/* The object's members stay in *object for as long as the settings' names. */
static void
read_object(struct reading *reading, cJSON **object)
{
	struct buf problem = BUF_INIT;
	const char *error = NULL;
	const cJSON *member;
	size_t offset = 0;
	char *text;

	if (!env_text("KAFKA_SETTINGS", &text, &problem)) {
		log_error("%s", buf_terminate(&problem));
		reading->failed = true;
	} else if (text != NULL) {
		struct buf padded = BUF_INIT;

		buf_add_string(&padded, text);
		if (!json_validate(
			buf_terminate(&padded), padded.len, &error, &offset)) {
			log_error(
			    "KAFKA_SETTINGS is not a JSON document: %s at byte %zu",
			    error, offset + 1);
			reading->failed = true;
		} else if (has_nul_escape(text)) {
			log_error(
			    "KAFKA_SETTINGS has a control character in it: \\u0000");
			reading->failed = true;
		} else
			*object = cJSON_Parse(text);
		explicit_bzero(padded.data, padded.len);
		buf_free(&padded);
		env_secret_free(text);
	}
	if (*object != NULL && !cJSON_IsObject(*object)) {
		log_error("KAFKA_SETTINGS is not a JSON object");
		reading->failed = true;
	} else
		cJSON_ArrayForEach(member, *object)
		{
			add_member(reading, member);
		}
	buf_free(&problem);
}

/* ---- settings that contradict each other -------------------------------- */

static bool
share_a_property(const struct setting *a, const struct setting *b)
{
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 2; k++)
			if (a->to[i].property != NULL &&
			    b->to[k].property != NULL &&
			    strcmp(a->to[i].property, b->to[k].property) == 0)
				return true;
	return false;
}

/* A variable wins over the object; two of the same kind may not differ. */
static void
settle(struct reading *reading, struct setting *a, struct setting *b)
{
	bool same_name = strcmp(a->name, b->name) == 0 &&
	    (a->rule == NULL) == (b->rule == NULL);

	if (a->refused || b->refused || (!same_name && !share_a_property(a, b)))
		return;
	if (a->from_object != b->from_object) {
		struct setting *loser = a->from_object ? a : b;

		for (int i = 0; i < 2; i++) {
			free(loser->to[i].value);
			loser->to[i].value = NULL;
		}
		return;
	}
	if (same_name && strcmp(a->text, b->text) == 0)
		return;
	if (same_name)
		log_error(
		    "%s and %s contradict each other", a->shown, b->shown);
	else
		log_error("%s and %s are the same setting; remove one",
		    a->shown, b->shown);
	reading->failed = true;
}

/* ---- the properties ----------------------------------------------------- */

static struct kafka_property *
find(const struct kafka_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->properties[i].name, name) == 0)
			return &settings->properties[i];
	return NULL;
}

static void
put(struct kafka_settings *settings, const char *name, const char *value,
    const char *shown)
{
	struct kafka_property *property = find(settings, name);

	if (property == NULL) {
		settings->properties = grow_by_one(settings->properties,
		    settings->count, sizeof(*settings->properties));
		property = &settings->properties[settings->count++];
		*property = (struct kafka_property){.name = xstrdup(name),
		    .secret = is_secret(name),
		    .by_argument = goes_by_argument(name)};
	}
	free(property->value);
	property->value = xstrdup(value);
	if (shown != NULL && property->shown == NULL)
		property->shown = xstrdup(shown);
}

static void
put_default(
    struct kafka_settings *settings, const char *name, const char *value)
{
	if (find(settings, name) == NULL)
		put(settings, name, value, NULL);
}

/* What is for the other side alone is left out. */
static void
put_setting(struct kafka_settings *settings, const struct setting *setting)
{
	unsigned side = settings->side == KAFKA_PRODUCER ? PRODUCER : CONSUMER;

	if (setting->refused ||
	    (setting->rule != NULL && (setting->rule->sides & side) == 0))
		return;
	for (int i = 0; i < 2; i++)
		if (setting->to[i].value != NULL &&
		    (property_rule(setting->to[i].property).sides & side) != 0)
			put(settings, setting->to[i].property,
			    setting->to[i].value, setting->shown);
}

static bool
is(const struct kafka_settings *settings, const char *name, const char *value)
{
	const char *set = kafka_setting(settings, name);

	return set != NULL && strcmp(set, value) == 0;
}

/* ---- what they have to fulfil together ---------------------------------- */

/* Neither given nor refused: what has been refused by name is not missing too.
 */
static bool
lacks(const struct reading *reading, const char *property)
{
	if (find(reading->out, property) != NULL)
		return false;
	for (size_t i = 0; i < reading->count; i++)
		for (int k = 0; k < 2; k++)
			if (reading->all[i].refused &&
			    reading->all[i].to[k].property != NULL &&
			    strcmp(reading->all[i].to[k].property, property) ==
				0)
				return false;
	return true;
}

static void fault(struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
fault(struct reading *reading, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_error_v(format, ap);
	va_end(ap);
	reading->failed = true;
}

/* In capitals; the caller frees it. */
static char *
protocol_in_force(const struct kafka_settings *settings)
{
	const char *set = kafka_setting(settings, "security.protocol");

	return changed(set != NULL ? set : "plaintext", toupper);
}

static void
check_addresses(struct reading *reading)
{
	struct kafka_settings *out = reading->out;
	const char *set = kafka_setting(out, "bootstrap.servers");
	char *protocol = protocol_in_force(out);
	struct buf list = BUF_INIT, problem = BUF_INIT;

	if (set == NULL) {
		if (lacks(reading, "bootstrap.servers") && !reading->failed)
			fault(reading, "KAFKA_BOOTSTRAP_SERVERS is missing");
	} else if (!kafka_addresses(set, protocol, &list, &problem))
		fault(reading, "%s: %s",
		    kafka_setting_shown(out, "bootstrap.servers"),
		    buf_terminate(&problem));
	else
		put(out, "bootstrap.servers", buf_terminate(&list), NULL);
	buf_free(&list);
	buf_free(&problem);
	free(protocol);
}

static void
check_credentials(struct reading *reading, const char *mechanism)
{
	static const struct {
		const char *property, *variable;
	} needs[] = {{"sasl.username", "KAFKA_SASL_USERNAME"},
	    {"sasl.password", "KAFKA_SASL_PASSWORD"}};

	for (size_t i = 0; i < 2; i++)
		if (lacks(reading, needs[i].property))
			fault(reading, "%s is %s, and %s is missing",
			    kafka_setting_shown(reading->out, "sasl.mechanism"),
			    mechanism, needs[i].variable);
}

static void
check_security(struct reading *reading)
{
	struct kafka_settings *out = reading->out;
	const char *mechanism = kafka_setting(out, "sasl.mechanism");
	char *protocol = protocol_in_force(out);

	if (strncmp(protocol, "SASL_", 5) != 0) {
		if (mechanism != NULL && !reading->failed)
			log_warn(
			    "%s is given and the security protocol is %s: nobody is authenticated",
			    kafka_setting_shown(out, "sasl.mechanism"),
			    protocol);
	} else if (mechanism == NULL) {
		if (lacks(reading, "sasl.mechanism"))
			fault(reading,
			    "%s is %s, and KAFKA_SASL_MECHANISM is missing",
			    kafka_setting_shown(out, "security.protocol"),
			    protocol);
	} else if (strcmp(mechanism, "GSSAPI") != 0)
		check_credentials(reading, mechanism);
	else if (find(out, "sasl.kerberos.keytab") == NULL)
		/* As kafka-python: the ticket that is there; no kinit. */
		put_default(out, "sasl.kerberos.min.time.before.relogin", "0");
	free(protocol);
}

/* Python reads the key from the certificate's file where no other is named. */
static void
default_client_key(struct kafka_settings *out)
{
	const char *certificate =
	    kafka_setting(out, "ssl.certificate.location");

	if (certificate != NULL && find(out, "ssl.keystore.location") == NULL)
		put_default(out, "ssl.key.location", certificate);
}

static long
number(const struct kafka_settings *settings, const char *name, long otherwise)
{
	const char *set = kafka_setting(settings, name);

	return set == NULL ? otherwise : strtol(set, NULL, 10);
}

/* What of the user's own settings makes an idempotent producer impossible. */
static void
find_obstacles(const struct kafka_settings *out, struct buf *names)
{
	static const char in_flight[] = "max.in.flight.requests.per.connection";
	const char *found[] = {is(out, "acks", "1") ? "acks" : NULL,
	    is(out, "retries", "0") ? "retries" : NULL,
	    number(out, in_flight, 5) > 5 ? in_flight : NULL};

	for (size_t i = 0; i < 3; i++)
		if (found[i] != NULL)
			buf_printf(names, "%s%s", names->len > 0 ? ", " : "",
			    kafka_setting_shown(out, found[i]));
	buf_terminate(names);
}

static void
set_transaction(
    struct reading *reading, const char *prefix, struct buf *obstacles)
{
	struct kafka_settings *out = reading->out;
	const char *instance = getenv("CCM_INSTANCE");
	struct setting id = {.shown = xstrdup("CCM_KAFKA_TRANSACTIONAL_ID")};
	struct buf text = BUF_INIT;
	long most, delivery;

	if (is(out, "enable.idempotence", "false"))
		buf_printf(obstacles, "%s%s", obstacles->len > 0 ? ", " : "",
		    kafka_setting_shown(out, "enable.idempotence"));
	if (obstacles->len > 0)
		fault(reading,
		    "CCM_KAFKA_TRANSACTIONAL_ID needs acks=all, retries, at most 5 requests in flight and idempotence; the settings differ in %s",
		    buf_terminate(obstacles));
	buf_printf(&text, "%s-%s", prefix,
	    instance != NULL && *instance != '\0' ? instance : "default");
	check_carried(reading, &id, "transactional.id", buf_terminate(&text));
	free(id.shown);
	put(out, "transactional.id", text.data, "CCM_KAFKA_TRANSACTIONAL_ID");
	put(out, "enable.idempotence", "true", NULL);
	put_default(out, "transaction.timeout.ms", "900000");
	most = number(out, "transaction.timeout.ms", DELIVERY_MS);
	delivery = number(out, "delivery.timeout.ms", -1);
	text.len = 0;
	buf_printf(&text, "%ld", most < DELIVERY_MS ? most : DELIVERY_MS);
	put_default(out, "delivery.timeout.ms", buf_terminate(&text));
	if (delivery == 0 || delivery > most)
		fault(reading, "%s is longer than the transaction's %ld ms",
		    kafka_setting_shown(out, "delivery.timeout.ms"), most);
	buf_free(&text);
}

static void
set_idempotence(struct reading *reading, const struct buf *obstacles)
{
	struct kafka_settings *out = reading->out;
	const char *asked = kafka_setting(out, "enable.idempotence");

	if (obstacles->len == 0)
		put_default(out, "enable.idempotence", "true");
	else if (asked != NULL && strcmp(asked, "false") != 0)
		fault(reading, "%s is not possible with %s",
		    kafka_setting_shown(out, "enable.idempotence"),
		    obstacles->data);
	else if (asked == NULL)
		log_warn(
		    "sending without idempotence, because of %s: a broker's absence may duplicate records",
		    obstacles->data);
}

static void
set_producer(struct reading *reading)
{
	struct kafka_settings *out = reading->out;
	const char *id = getenv("CCM_KAFKA_TRANSACTIONAL_ID");
	struct buf obstacles = BUF_INIT;
	const char *linger;
	long delivery;

	find_obstacles(out, &obstacles);
	if (id != NULL && *id != '\0')
		set_transaction(reading, id, &obstacles);
	else
		set_idempotence(reading, &obstacles);
	buf_free(&obstacles);
	put_default(out, "acks", "-1");
	/* The waiting for a broker happens inside one kcat: another try would
	 * send again what had gone. */
	put_default(out, "delivery.timeout.ms", "900000");
	/* librdkafka refuses it without a name. */
	linger = kafka_setting(out, "linger.ms");
	delivery = number(out, "delivery.timeout.ms", 0);
	if (linger != NULL && delivery != 0 &&
	    strtod(linger, NULL) >= (double)delivery)
		fault(reading,
		    "%s is %s, and has to be less than %s, which is %ld",
		    kafka_setting_shown(out, "linger.ms"), linger,
		    kafka_setting_shown(out, "delivery.timeout.ms"), delivery);
	/* Where kafka-python and Java put a key. */
	put_default(out, "partitioner", "murmur2_random");
	/* A smaller max_request_size is not obeyed: a record above it would end
	 * kcat in the middle of its input, while one that the broker finds too
	 * large costs only itself. */
	if (number(out, "message.max.bytes", 0) < MESSAGE_BYTES) {
		char *bytes = printed(MESSAGE_BYTES);

		put(out, "message.max.bytes", bytes, NULL);
		free(bytes);
	}
	/* librdkafka's default is a whole GiB of memory. */
	put_default(out, "queue.buffering.max.kbytes", "65536");
}

/* kafka-python's defaults, where librdkafka's differ; and the beginning of a
 * topic for a group that is new to it. */
static void
set_consumer(struct kafka_settings *out)
{
	put_default(out, "check.crcs", "true");
	put_default(out, "isolation.level", "read_uncommitted");
	put_default(out, "auto.offset.reset", "earliest");
}

/* ---- all of it ---------------------------------------------------------- */

static void
clean_environment(void)
{
	static const char *const prefixes[] = {
	    "KAFKA_", "CONFLUENT_METRICS_", "KCAT_CONFIG", "KAFKACAT_CONFIG"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t count;
		char **names = variables(prefixes[i], &count);

		for (size_t k = 0; k < count; k++) {
			unsetenv(names[k]);
			free(names[k]);
		}
		free(names);
	}
}

static int
compare_properties(const void *a, const void *b)
{
	return strcmp(((const struct kafka_property *)a)->name,
	    ((const struct kafka_property *)b)->name);
}

static void
reading_free(struct reading *reading)
{
	for (size_t i = 0; i < reading->count; i++) {
		struct setting *setting = &reading->all[i];

		free(setting->shown);
		env_secret_free(setting->text);
		for (int k = 0; k < 2; k++)
			env_secret_free(setting->to[k].value);
	}
	free(reading->all);
	buf_free(&reading->unknown);
}

void
kafka_settings_free(struct kafka_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		free(settings->properties[i].name);
		free(settings->properties[i].shown);
		env_secret_free(settings->properties[i].value);
	}
	free(settings->properties);
	*settings = (struct kafka_settings){.side = settings->side};
}

bool
kafka_settings_read(struct kafka_settings *settings, enum kafka_side side)
{
	struct reading reading = {.out = settings};
	cJSON *object = NULL;

	*settings = (struct kafka_settings){.side = side};
	read_secrets(&reading);
	read_variables(&reading);
	read_object(&reading, &object);
	for (size_t i = 0; i < reading.count; i++)
		translate(&reading, &reading.all[i]);
	for (size_t i = 0; i < reading.count; i++)
		for (size_t k = 0; k < i; k++)
			settle(&reading, &reading.all[k], &reading.all[i]);
	for (size_t i = 0; i < reading.count; i++)
		put_setting(settings, &reading.all[i]);
	check_addresses(&reading);
	check_security(&reading);
	default_client_key(settings);
	if (side == KAFKA_PRODUCER)
		set_producer(&reading);
	else
		set_consumer(settings);
	clean_environment();
	if (settings->count > 0)
		qsort(settings->properties, settings->count,
		    sizeof(*settings->properties), compare_properties);
	cJSON_Delete(object);
	reading_free(&reading);
	if (reading.failed)
		kafka_settings_free(settings);
	return !reading.failed;
}

const char *
kafka_setting(const struct kafka_settings *settings, const char *name)
{
	const struct kafka_property *property = find(settings, name);

	return property == NULL ? NULL : property->value;
}

const char *
kafka_setting_shown(const struct kafka_settings *settings, const char *name)
{
	const struct kafka_property *property = find(settings, name);

	return property == NULL || property->shown == NULL ? name
							   : property->shown;
}

void
kafka_settings_print(const struct kafka_settings *settings, struct buf *out)
{
	for (size_t i = 0; i < settings->count; i++)
		buf_printf(out, "%s=%s\n", settings->properties[i].name,
		    settings->properties[i].secret
			? "********"
			: settings->properties[i].value);
}

void
kafka_settings_mask(
    const struct kafka_settings *settings, struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		size_t hidden = 0;

		for (size_t i = 0; hidden == 0 && i < settings->count; i++) {
			const char *value = settings->properties[i].value;
			size_t len = strlen(value);

			if (settings->properties[i].secret && len > 0 &&
			    strncmp(text, value, len) == 0)
				hidden = len;
		}
		if (hidden > 0) {
			buf_add_string(out, "********");
			text += hidden - 1;
		} else
			buf_add_char(out, *text);
	}
}

void
check_topic_name_or_die(const char *topic)
{
	size_t len = strlen(topic);

	if (len < 1 || len > 249 ||
	    strspn(topic,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789._-") != len ||
	    strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0)
		die(EX_USAGE,
		    "\"%s\" is not a topic's name: that is 1 to 249 of A-Z a-z 0-9 . _ -",
		    topic);
}
