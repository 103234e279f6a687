#include "kafka-problem.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "clock.h"
#include "log.h"

/* ---- librdkafka's words, shortened -------------------------------------- */

/* What librdkafka adds for itself: the protocol before a broker's address and
 * its number behind it, how long the connection was in what state, numbers of
 * errors, and what it says twice. \1 is what the first pair of parentheses has
 * found. */
static const struct {
	const char *pattern, *with;
} shortenings[] = {
    {" \\(after [0-9]+ ?ms.*\\)$", ""},
    {": terminating$", ""},
    {"^% (ERROR|FATAL CLIENT ERROR): ", ""},
    {"^GroupCoordinator: ", ""},
    {"[a-z_]+://", ""},
    {"(:[0-9]+)/(bootstrap|[0-9]+): ", "\1: "},
    {"error:[0-9A-F]+:[^:]* routines::", ""},
    {": broker certificate could not be verified.*", ""},
    {" failed: (PEM|system) lib$", " cannot be read"},
    {"Local: Authentication failure: ", ""},
    {"SASL authentication error: ", ""},
    {"Authentication failed during authentication due to ", ""},
    {"(Failed to initialize SASL authentication: .*)?GSSAPI Error: ", ""},
    {"Unspecified GSS failure[^(]*\\((.*)\\)$", "\1"},
    {"No credentials were supplied[^(]*\\((.*)\\)$", "\1"},
    {" while getting .*$", ""},
    {": +$", ""},
    {"\\.$", ""},
};

static void
compile_or_die(regex_t *regex, const char *pattern)
{
	if (regcomp(regex, pattern, REG_EXTENDED) != 0)
		die(EX_SOFTWARE, "cannot compile \"%s\"", pattern);
}

static bool
matches(const char *text, const char *pattern)
{
	regex_t regex;
	bool found;

	compile_or_die(&regex, pattern);
	found = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

/* Replaces the first match. */
static void
substitute(struct buf *text, const char *pattern, const char *with)
{
	regmatch_t found[2];
	struct buf out = BUF_INIT;
	regex_t regex;
	char *old = buf_terminate(text);

	compile_or_die(&regex, pattern);
	if (regexec(&regex, old, 2, found, 0) == 0) {
		buf_add(&out, old, (size_t)found[0].rm_so);
		for (; *with != '\0'; with++) {
			if (*with != '\1')
				buf_add_char(&out, *with);
			else if (found[1].rm_so >= 0)
				buf_add(&out, old + found[1].rm_so,
				    (size_t)(found[1].rm_eo - found[1].rm_so));
		}
		buf_add_string(&out, old + found[0].rm_eo);
		text->len = 0;
		buf_add(text, out.data, out.len);
		buf_terminate(text);
	}
	regfree(&regex);
	buf_free(&out);
}

/* "REASON: REASON", and "ADDRESS: REASON: ADDRESS: REASON" */
static void
drop_repetition(struct buf *text)
{
	char *start = buf_terminate(text), *colon = start;
	size_t tail;

	while ((colon = strstr(colon, ": ")) != NULL) {
		tail = strlen(colon + 2);
		if ((size_t)(colon - start) >= tail && tail > 0 &&
		    strncmp(colon - tail, colon + 2, tail) == 0) {
			text->len = (size_t)(colon - start);
			buf_terminate(text);
			return;
		}
		if (strncmp(start, colon + 2, (size_t)(colon - start)) == 0 &&
		    colon > start) {
			memmove(start, colon + 2, tail + 1);
			text->len = tail;
			colon = start;
			continue;
		}
		colon += 2;
	}
}

static void
shorten(
    struct buf *out, const struct kafka_settings *settings, const char *text)
{
	out->len = 0;
	kafka_settings_mask(settings, out, text);
	for (size_t i = 0; i < sizeof(shortenings) / sizeof(*shortenings); i++)
		substitute(out, shortenings[i].pattern, shortenings[i].with);
	drop_repetition(out);
}

/* ---- what it means ------------------------------------------------------ */

/* The kinds of events that a rule is for. */
enum source {
	SETTING = 1, /* COMPANION_PROPERTY, COMPANION_CREATE */
	LOGGED = 2,  /* COMPANION_LOG, COMPANION_ERROR, COMPANION_LINE */
	FAILED = 4   /* a connection that failed, in the log */
};

/*
 * The first that matches counts. `before` stands before librdkafka's words and
 * `advice` behind them; without an advice, it stands for them, and \1 in it for
 * the broker's address. Read in
 * librdkafka 2.0.2, kcat 1.7.1, OpenSSL 3.0, MIT Kerberos 1.20, Cyrus
 * SASL 2.1.28.
 */
static const struct rule {
	unsigned sources;
	const char *pattern;
	int status;
	const char *before, *advice;
	bool guess;
} rules[] = {
    /* Settings */
    {SETTING, "ssl\\.key\\.location", EX_CONFIG,
	"librdkafka refuses: ", " and KAFKA_SSL_PASSWORD", false},
    {SETTING, "", EX_CONFIG, "librdkafka refuses: ", "", false},

    /* TLS */
    {LOGGED, "certificate verify failed", EX_CONFIG, "no TLS with the broker: ",
	"; check KAFKA_SSL_CAFILE, and that the certificate has this host's name (KAFKA_SSL_CHECK_HOSTNAME)",
	false},
    {LOGGED, "(alert.*certificate|alert unknown ca)", EX_CONFIG,
	"the broker wants a client certificate that it trusts: ",
	"; check KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE", false},
    {LOGGED,
	"SSL alert number|wrong version number|SSL routines::(no |unsupported|unknown|tlsv|sslv)",
	EX_CONFIG, "no TLS with the broker: ",
	"; check KAFKA_SECURITY_PROTOCOL and KAFKA_SSL_CIPHERS", false},

    /* SASL */
    {LOGGED, "in current SASL state", EX_CONFIG,
	"the broker at \1 asks for no SASL; check KAFKA_SECURITY_PROTOCOL",
	NULL, false},
    {LOGGED, "Unsupported SASL mechanism|SASL Handshake|SaslHandshake",
	EX_CONFIG, "the broker does not take this KAFKA_SASL_MECHANISM: ", "",
	false},
    {LOGGED, "Cannot contact any KDC", EX_TEMPFAIL,
	"no Kerberos server answered: ", "", false},
    {LOGGED, "missing a GSSAPI|no mechanism available|No worthy mechs",
	EX_CONFIG,
	"Kerberos: Cyrus SASL has no GSSAPI module; install libsasl2-modules-gssapi-mit",
	NULL, false},
    {LOGGED, "kinit: not found", EX_CONFIG,
	"Kerberos: kinit is not installed; install krb5-user", NULL, false},
    {LOGGED, "^kinit: ", EX_NOPERM, "Kerberos: ",
	"; check sasl.kerberos.keytab and sasl.kerberos.principal", false},
    {LOGGED, "not found in Kerberos database", EX_CONFIG, "Kerberos: ",
	"; check KAFKA_SERVICE_NAME, and the host name in KAFKA_BOOTSTRAP_SERVERS",
	false},
    {LOGGED, "Ticket expired", EX_NOPERM,
	"Kerberos: ", "; get a new one with kinit", false},
    {LOGGED, "No Kerberos credentials", EX_NOPERM, "Kerberos: ",
	"; get a ticket with kinit, or set sasl.kerberos.keytab and sasl.kerberos.principal",
	false},
    {LOGGED, "GSSAPI.*invalid credentials|invalid credentials.*GSSAPI",
	EX_NOPERM, "Kerberos: ",
	"; check KAFKA_SERVICE_NAME, the ticket (klist) and the broker's own key",
	false},
    {LOGGED, "GSSAPI", EX_NOPERM, "Kerberos: ",
	"; check the ticket (klist), krb5.conf and KAFKA_SERVICE_NAME", false},
    {LOGGED,
	"SASL authentication error|SASL authentication: |[Aa]uthentication fail",
	EX_NOPERM, "the broker refuses these credentials: ",
	"; check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD",
	false},

    /* Rights */
    {LOGGED, "idempotence PID.*authorization failed", EX_NOPERM,
	"this user lacks a right: ",
	"; grant IdempotentWrite, or set KAFKA_ENABLE_IDEMPOTENCE=false",
	false},
    {LOGGED, "Transactional.*uthorization failed", EX_NOPERM,
	"this user lacks a right: ",
	"; grant Describe and Write on the transactional id", false},
    {LOGGED, "to transaction.*authorization failed", EX_NOPERM,
	"this user lacks a right: ", "; grant Write on the topic", false},
    {LOGGED, "Group auth", EX_NOPERM, "this user lacks a right: ",
	"; grant Read on the consumer group", false},
    {LOGGED, "Fetch .*authorization failed", EX_NOPERM,
	"this user lacks a right: ", "; grant Read on the topic", false},
    {LOGGED, "authorization failed", EX_NOPERM, "this user lacks a right: ", "",
	false},

    /* A broker that hangs up */
    {FAILED, "SSL listener\\?", EX_CONFIG,
	"the broker at \1 hangs up at once, like one that wants TLS; check KAFKA_SECURITY_PROTOCOL",
	NULL, true},
    {FAILED, "might require SASL", EX_CONFIG,
	"the broker at \1 hangs up at once, like one that wants SASL; check KAFKA_SECURITY_PROTOCOL",
	NULL, true},
    {FAILED, "(unexpected eof|Disconnected).*SSL_HANDSHAKE", EX_CONFIG,
	"the broker at \1 hangs up in SSL_HANDSHAKE, like one that knows no TLS; check KAFKA_SECURITY_PROTOCOL",
	NULL, true},
    {FAILED, "", EX_TEMPFAIL, "", "", false},
};

static unsigned
source(const struct companion_event *event)
{
	switch (event->kind) {
	case COMPANION_PROPERTY:
	case COMPANION_CREATE:
		return SETTING;
	case COMPANION_ERROR:
		return LOGGED;
	case COMPANION_LOG:
		return strcmp(event->name, "FAIL") == 0 ||
			strcmp(event->name, "PROTOERR") == 0
		    ? LOGGED | FAILED
		    : LOGGED;
	case COMPANION_LINE:
		return strncmp(event->text, "% ERROR: ", 9) == 0 ||
			strncmp(event->text, "% FATAL ", 8) == 0 ||
			strstr(event->text, "kinit: ") != NULL
		    ? LOGGED
		    : 0;
	default:
		return 0;
	}
}

static const struct rule *
find_rule(const struct companion_event *event)
{
	unsigned from = source(event);

	/* A connection that we give up ourselves. */
	if (strstr(event->text, "Broker handle destroyed") != NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if ((rules[i].sources & from) != 0 &&
		    matches(event->text, rules[i].pattern))
			return &rules[i];
	return NULL;
}

/* ---- the problem that stands -------------------------------------------- */

bool
kafka_problem_refuses(const struct kafka_problem *problem)
{
	return problem->status != 0 && problem->status != EX_TEMPFAIL;
}

/* "HOST:PORT: ..." */
static void
take_broker(struct buf *broker, const char *words)
{
	static const char pattern[] =
	    "^([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.%]+\\]):[0-9]+: ";
	regmatch_t found;
	regex_t regex;

	broker->len = 0;
	compile_or_die(&regex, pattern);
	if (regexec(&regex, words, 1, &found, 0) == 0)
		buf_add(broker, words, (size_t)found.rm_eo - 2);
	regfree(&regex);
	buf_terminate(broker);
}

/* "; check KAFKA_SSL_CAFILE, KAFKA_LINGER_MS": the settings by which the user
 * has set the properties that librdkafka names. */
static void
add_settings(struct buf *out, const struct kafka_settings *settings,
    const struct companion_event *event)
{
	const char *before = "; check ";

	for (size_t i = 0; i < settings->count; i++) {
		const struct kafka_property *property =
		    &settings->properties[i];

		if (property->shown == NULL ||
		    (strcmp(event->name, property->name) != 0 &&
			strstr(event->text, property->name) == NULL))
			continue;
		buf_printf(out, "%s%s", before, property->shown);
		before = ", ";
	}
}

/* Where there is no ticket because kinit failed, librdkafka says only that
 * there is none. */
static bool
kinit_explains(const struct kafka_problem *problem, const char *text)
{
	return problem->kinit.len > 0 &&
	    matches(
		text, "No Kerberos credentials|No credentials|Ticket expired");
}

bool
kafka_problem_read(struct kafka_problem *problem,
    const struct kafka_settings *settings, const struct companion_event *event)
{
	const struct rule *rule = find_rule(event);
	struct buf words = BUF_INIT;

	if (rule == NULL)
		return false;
	if (event->kind == COMPANION_LINE &&
	    strstr(event->text, "kinit: ") != NULL) {
		problem->kinit.len = 0;
		buf_add_string(&problem->kinit, event->text);
		buf_terminate(&problem->kinit);
	} else if (kinit_explains(problem, event->text))
		return false;
	/* kcat's own words repeat what librdkafka has said better. */
	if ((rule->status == EX_TEMPFAIL ||
		(event->kind == COMPANION_LINE && event->text[0] == '%')) &&
	    kafka_problem_refuses(problem) && !problem->guessed)
		return false;
	shorten(&words, settings, event->text);
	if (rule->status == EX_TEMPFAIL || !kafka_problem_refuses(problem) ||
	    problem->guessed != rule->guess)
		problem->since_ms = monotonic_ms();
	problem->status = rule->status;
	problem->guessed = rule->guess;
	take_broker(&problem->broker, words.data);
	problem->message.len = 0;
	for (const char *at = rule->before; *at != '\0'; at++) {
		if (*at == '\1')
			buf_add_string(&problem->message, problem->broker.data);
		else
			buf_add_char(&problem->message, *at);
	}
	if (rule->advice != NULL) {
		buf_add(&problem->message, words.data, words.len);
		if (source(event) == SETTING)
			add_settings(&problem->message, settings, event);
		buf_add_string(&problem->message, rule->advice);
	}
	buf_terminate(&problem->message);
	problem->explained = *rule->before != '\0';
	buf_free(&words);
	return true;
}

void
kafka_problem_clear(struct kafka_problem *problem)
{
	problem->status = 0;
	problem->guessed = false;
	problem->broker.len = problem->message.len = problem->kinit.len = 0;
}

void
kafka_problem_free(struct kafka_problem *problem)
{
	buf_free(&problem->broker);
	buf_free(&problem->message);
	buf_free(&problem->kinit);
	*problem = (struct kafka_problem)KAFKA_PROBLEM_INIT;
}

/* ---- deliveries --------------------------------------------------------- */

/* rd_kafka_resp_err_t, <librdkafka/rdkafka.h>: the protocol's own numbers. */
int
kafka_delivery_status(int code)
{
	switch (code) {
	case 10: /* message too large */
	case 18: /* batch too large */
	case 32: /* invalid timestamp */
	case 44: /* policy violation */
	case 87: /* invalid record */
		return EX_DATAERR;
	case 29: /* topic authorization failed */
	case 31: /* cluster authorization failed */
	case 53: /* transactional id authorization failed */
		return EX_NOPERM;
	default:
		return EX_TEMPFAIL;
	}
}
