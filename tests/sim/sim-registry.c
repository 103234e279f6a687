/*
 * sim-registry - a schema registry of Confluent's kind for tests, on a real
 * socket of 127.0.0.1.
 *
 * It knows the routes below and what may be sent to them, as Confluent's API
 * Reference says; any other is 404 in Confluent's error form. When it listens,
 * it writes its URL to standard output, one line; it runs until SIGTERM or
 * SIGINT and exits 0.
 *
 *	GET /subjects
 *	GET /subjects/SUBJECT/versions
 *	GET /subjects/SUBJECT/versions/NUMBER|latest
 *	POST /subjects/SUBJECT			looks a schema up
 *	POST /subjects/SUBJECT/versions		registers one
 *	GET /schemas/ids/ID
 *
 *	-p PORT		of 127.0.0.1 (default: any that is free)
 *	-P PATH		before each route, such as /apis/ccompat/v7
 *	-k USER:PASSWORD	for HTTP Basic; -t TOKEN for Bearer: without one
 *			of them nobody is asked
 *	-i ID		of the first schema (default 1)
 *	-C FILE -K FILE	certificate and key (PEM): https
 *
 * A schema has one id in all subjects. What avro-c does not take for a schema
 * is 422. It checks no compatibility: a fault does (409).
 *
 * A test steers it below /sim/, without credentials:
 *
 *	POST /sim/faults	[RULE,...]: the next requests get these instead
 *				of an answer, each `times` times (1): "status"
 *				with "code" and "message" in Confluent's form,
 *				or with "body" (as "type", text/html) as it is;
 *				"delay" in ms before it; "cut": a connection
 *				that is closed in the middle. DELETE forgets all
 *	POST /sim/schemas	[{"id":N,...},...]: what GET /schemas/ids/N
 *				answers, whatever it is
 *	GET /sim/log		a line "METHOD PATH STATUS" for each request;
 *				DELETE empties it
 */
#include <arpa/inet.h>
#include <avro.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "io.h"
#include "json.h"
#include "log.h"
#include "main.h"

#define USAGE                                                                  \
	"usage: sim-registry [-p PORT] [-P PATH] [-k USER:PASSWORD] "          \
	"[-t TOKEN]\n"                                                         \
	"                    [-i ID] [-C CERTIFICATE -K KEY]\n"                \
	"A schema registry for tests; its URL is written to stdout.\n"         \
	"  -p PORT           to listen on (default: any that is free)\n"       \
	"  -P PATH           before each route\n"                              \
	"  -k USER:PASSWORD  for Basic; -t TOKEN for Bearer (default: none)\n" \
	"  -i ID             of the first schema (default 1)\n"                \
	"  -C, -K FILE       certificate and key in PEM, for https\n"          \
	"  -h, -V            this help, the version\n"

#define MEDIA_TYPE "application/vnd.schemaregistry.v1+json"
#define BODY_MAX ((size_t)1 << 20)

struct version {
	char *subject;
	int number;
	unsigned id;
};

struct sim {
	/* settings */
	const char *path;
	char *user, *password, *token; /* or NULL */

	pthread_mutex_t lock; /* of all below */
	char **schemas;       /* by id - first_id, without white space */
	size_t nschemas;
	unsigned first_id;
	struct version *versions;
	size_t nversions;
	cJSON *faults, *others; /* arrays: rules, and answers by id */
	struct buf log;
};

struct reply {
	unsigned status;
	const char *type;
	struct buf body;
	long delay_ms;
	bool cut;
};

/* ---- replies ------------------------------------------------------------ */

static void answer_error(struct reply *reply, unsigned status, long code,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

static void
answer_error(
    struct reply *reply, unsigned status, long code, const char *format, ...)
{
	struct buf *body = &reply->body;
	char message[500];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	reply->status = status;
	body->len = 0;
	buf_printf(body, "{\"error_code\":%ld,\"message\":\"", code);
	json_escape_any(body, message);
	buf_add_string(body, "\"}");
}

static void
answer_not_found(struct reply *reply)
{
	answer_error(reply, 404, 404, "HTTP 404 Not Found");
}

static void
add_schema(struct buf *body, const char *schema)
{
	buf_add_string(body, "\"schema\":\"");
	json_escape_any(body, schema);
	buf_add_char(body, '"');
}

static void
answer_version(
    const struct sim *sim, struct reply *reply, const struct version *version)
{
	struct buf *body = &reply->body;

	buf_add_string(body, "{\"subject\":\"");
	json_escape_any(body, version->subject);
	buf_printf(
	    body, "\",\"version\":%d,\"id\":%u,", version->number, version->id);
	add_schema(body, sim->schemas[version->id - sim->first_id]);
	buf_add_char(body, '}');
}

/* ---- what it keeps ------------------------------------------------------ */

/* The id of a schema, a new one where it was never seen. */
static unsigned
keep_schema(struct sim *sim, const char *schema)
{
	for (size_t i = 0; i < sim->nschemas; i++)
		if (strcmp(sim->schemas[i], schema) == 0)
			return sim->first_id + (unsigned)i;
	sim->schemas =
	    grow_by_one(sim->schemas, sim->nschemas, sizeof(*sim->schemas));
	sim->schemas[sim->nschemas++] = xstrdup(schema);
	return sim->first_id + (unsigned)sim->nschemas - 1;
}

static const struct version *
find_version(const struct sim *sim, const char *subject, int number)
{
	const struct version *found = NULL;

	for (size_t i = 0; i < sim->nversions; i++)
		if (strcmp(sim->versions[i].subject, subject) == 0 &&
		    (number == 0 || sim->versions[i].number == number))
			found = &sim->versions[i];
	return found;
}

static const struct version *
find_schema(const struct sim *sim, const char *subject, const char *schema)
{
	for (size_t i = 0; i < sim->nversions; i++) {
		const struct version *version = &sim->versions[i];

		if (strcmp(version->subject, subject) == 0 &&
		    strcmp(sim->schemas[version->id - sim->first_id], schema) ==
			0)
			return version;
	}
	return NULL;
}

static const struct version *
add_version(struct sim *sim, const char *subject, const char *schema)
{
	const struct version *last = find_version(sim, subject, 0);
	int number = last != NULL ? last->number + 1 : 1;

	sim->versions =
	    grow_by_one(sim->versions, sim->nversions, sizeof(*sim->versions));
	sim->versions[sim->nversions] =
	    (struct version){.subject = xstrdup(subject),
		.number = number,
		.id = keep_schema(sim, schema)};
	return &sim->versions[sim->nversions++];
}

/* ---- routes ------------------------------------------------------------- */

/* The schema of a body, compact, or NULL with an answer. */
static char *
take_schema(const struct buf *body, struct reply *reply)
{
	struct buf compact = BUF_INIT;
	avro_schema_t parsed;
	const char *schema;
	size_t offset;
	cJSON *json;

	if (!json_validate(body->data, body->len, &schema, &offset)) {
		answer_error(reply, 400, 400, "Unable to process JSON");
		return NULL;
	}
	json = cJSON_ParseWithLength(body->data, body->len);
	schema = cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(json, "schema"));
	if (schema == NULL) {
		answer_error(reply, 422, 42201, "Empty schema");
	} else if (avro_schema_from_json_length(
		       schema, strlen(schema), &parsed) != 0) {
		answer_error(reply, 422, 42201,
		    "Either the input schema or one its references is "
		    "invalid: %s",
		    avro_strerror());
	} else {
		avro_schema_decref(parsed);
		json_compact(&compact, schema, strlen(schema));
		buf_terminate(&compact);
	}
	cJSON_Delete(json);
	return compact.data;
}

static void
look_up(struct sim *sim, const char *subject, const struct buf *body,
    struct reply *reply)
{
	char *schema = take_schema(body, reply);
	const struct version *version;

	if (schema == NULL)
		return;
	version = find_schema(sim, subject, schema);
	if (find_version(sim, subject, 0) == NULL)
		answer_error(
		    reply, 404, 40401, "Subject '%s' not found.", subject);
	else if (version == NULL)
		answer_error(reply, 404, 40403, "Schema not found");
	else
		answer_version(sim, reply, version);
	free(schema);
}

static void
register_schema(struct sim *sim, const char *subject, const struct buf *body,
    struct reply *reply)
{
	char *schema = take_schema(body, reply);
	const struct version *version;

	if (schema == NULL)
		return;
	version = find_schema(sim, subject, schema);
	if (version == NULL)
		version = add_version(sim, subject, schema);
	buf_printf(&reply->body, "{\"id\":%u}", version->id);
	free(schema);
}

static void
list_subjects(const struct sim *sim, struct reply *reply)
{
	buf_add_char(&reply->body, '[');
	for (size_t i = 0; i < sim->nversions; i++) {
		if (sim->versions[i].number != 1)
			continue;
		buf_add_string(
		    &reply->body, reply->body.len > 1 ? ",\"" : "\"");
		json_escape_any(&reply->body, sim->versions[i].subject);
		buf_add_char(&reply->body, '"');
	}
	buf_add_char(&reply->body, ']');
}

static void
list_versions(const struct sim *sim, const char *subject, struct reply *reply)
{
	const struct version *last = find_version(sim, subject, 0);

	if (last == NULL) {
		answer_error(
		    reply, 404, 40401, "Subject '%s' not found.", subject);
		return;
	}
	for (int i = 1; i <= last->number; i++)
		buf_printf(&reply->body, "%c%d", i == 1 ? '[' : ',', i);
	buf_add_char(&reply->body, ']');
}

static void
show_version(const struct sim *sim, const char *subject, const char *number,
    struct reply *reply)
{
	int wanted =
	    strcmp(number, "latest") == 0 ? 0 : (int)strtol(number, NULL, 10);
	const struct version *version = find_version(sim, subject, wanted);

	if (find_version(sim, subject, 0) == NULL)
		answer_error(
		    reply, 404, 40401, "Subject '%s' not found.", subject);
	else if (version == NULL)
		answer_error(
		    reply, 404, 40402, "Version %s not found.", number);
	else
		answer_version(sim, reply, version);
}

static void
show_schema(const struct sim *sim, const char *number, struct reply *reply)
{
	unsigned long id = strtoul(number, NULL, 10);
	const cJSON *other;
	char *text;

	cJSON_ArrayForEach(other, sim->others)
	{
		const cJSON *its =
		    cJSON_GetObjectItemCaseSensitive(other, "id");

		if (!cJSON_IsNumber(its) || its->valuedouble != (double)id)
			continue;
		text = cJSON_PrintUnformatted(other);
		buf_add_string(&reply->body, text);
		cJSON_free(text);
		return;
	}
	if (id < sim->first_id || id >= sim->first_id + sim->nschemas) {
		answer_error(reply, 404, 40403, "Schema %s not found", number);
		return;
	}
	buf_add_char(&reply->body, '{');
	add_schema(&reply->body, sim->schemas[id - sim->first_id]);
	buf_add_char(&reply->body, '}');
}

/* The parts of a path between its slashes, decoded by libmicrohttpd. */
static size_t
split(char *path, char **parts, size_t most)
{
	size_t count = 0;
	char *part;

	while ((part = strsep(&path, "/")) != NULL)
		if (*part != '\0' && count < most)
			parts[count++] = part;
		else if (count == most)
			return most + 1;
	return count;
}

static void
route(struct sim *sim, const char *method, char **parts, size_t count,
    const struct buf *body, struct reply *reply)
{
	bool get = strcmp(method, "GET") == 0;
	bool post = strcmp(method, "POST") == 0;
	bool subjects = count > 0 && strcmp(parts[0], "subjects") == 0;
	bool versions = count > 2 && strcmp(parts[2], "versions") == 0;

	if (count == 3 && get && strcmp(parts[0], "schemas") == 0 &&
	    strcmp(parts[1], "ids") == 0)
		show_schema(sim, parts[2], reply);
	else if (!subjects)
		answer_not_found(reply);
	else if (count == 1 && get)
		list_subjects(sim, reply);
	else if (count == 2 && post)
		look_up(sim, parts[1], body, reply);
	else if (count == 3 && versions && get)
		list_versions(sim, parts[1], reply);
	else if (count == 3 && versions && post)
		register_schema(sim, parts[1], body, reply);
	else if (count == 4 && versions && get)
		show_version(sim, parts[1], parts[3], reply);
	else
		answer_not_found(reply);
}

/* ---- faults ------------------------------------------------------------- */

static long
number_of(const cJSON *rule, const char *name, long otherwise)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(rule, name);

	return cJSON_IsNumber(item) ? (long)item->valuedouble : otherwise;
}

static const char *
string_of(const cJSON *rule, const char *name, const char *otherwise)
{
	const char *value =
	    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(rule, name));

	return value != NULL ? value : otherwise;
}

/* Does the first rule, if there is one; false where an answer is due besides.
 */
static bool
do_fault(struct sim *sim, struct reply *reply)
{
	cJSON *rule = cJSON_GetArrayItem(sim->faults, 0);
	long times = number_of(rule, "times", 1);
	const char *body = string_of(rule, "body", NULL);
	bool answered = true;

	if (rule == NULL)
		return false;
	reply->delay_ms = number_of(rule, "delay", 0);
	reply->cut =
	    cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(rule, "cut"));
	reply->status = (unsigned)number_of(rule, "status", 200);
	if (body != NULL) {
		buf_add_string(&reply->body, body);
		/* Strings of the rule go with it. */
		reply->type = cJSON_HasObjectItem(rule, "type") ? MEDIA_TYPE
								: "text/html";
	} else if (reply->status != 200) {
		answer_error(reply, reply->status,
		    number_of(rule, "code", (long)reply->status), "%s",
		    string_of(rule, "message", "a fault"));
	} else {
		answered = false;
	}
	if (times > 1)
		cJSON_ReplaceItemInObjectCaseSensitive(
		    rule, "times", cJSON_CreateNumber((double)times - 1));
	else
		cJSON_DeleteItemFromArray(sim->faults, 0);
	return answered;
}

/* Appends the elements of an array in a body to a list. */
static bool
append(cJSON *list, const struct buf *body)
{
	cJSON *json = cJSON_ParseWithLength(body->data, body->len);
	bool good = cJSON_IsArray(json);

	while (good && cJSON_GetArraySize(json) > 0)
		cJSON_AddItemToArray(list, cJSON_DetachItemFromArray(json, 0));
	cJSON_Delete(json);
	return good;
}

static void
empty(cJSON *list)
{
	while (cJSON_GetArraySize(list) > 0)
		cJSON_DeleteItemFromArray(list, 0);
}

static void
control(struct sim *sim, const char *method, const char *what,
    const struct buf *body, struct reply *reply)
{
	bool get = strcmp(method, "GET") == 0;
	bool post = strcmp(method, "POST") == 0;
	bool del = strcmp(method, "DELETE") == 0;

	reply->type = "text/plain";
	if (strcmp(what, "log") == 0 && get)
		buf_add(&reply->body, sim->log.data, sim->log.len);
	else if (strcmp(what, "log") == 0 && del)
		sim->log.len = 0;
	else if (strcmp(what, "faults") == 0 && del)
		empty(sim->faults);
	else if (!post ||
	    !((strcmp(what, "faults") == 0 && append(sim->faults, body)) ||
		(strcmp(what, "schemas") == 0 && append(sim->others, body))))
		reply->status = 400;
}

/* ---- requests ----------------------------------------------------------- */

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool
is_authorised(const struct sim *sim, struct MHD_Connection *connection)
{
	const char *header = MHD_lookup_connection_value(
	    connection, MHD_HEADER_KIND, "Authorization");
	char *user, *password = NULL;
	bool good = sim->user == NULL && sim->token == NULL;

	if (sim->token != NULL && header != NULL &&
	    strncmp(header, "Bearer ", 7) == 0)
		good = strcmp(header + 7, sim->token) == 0;
	user = MHD_basic_auth_get_username_password(connection, &password);
	if (user != NULL && sim->user != NULL)
		good = same(user, sim->user) && same(password, sim->password);
	MHD_free(user);
	MHD_free(password);
	return good;
}

static void
answer_api(struct sim *sim, struct MHD_Connection *connection,
    const char *method, const char *path, const struct buf *body,
    struct reply *reply)
{
	size_t prefix = strlen(sim->path);
	char *copy = xstrdup(path), *parts[4];
	size_t count;

	if (do_fault(sim, reply)) {
		/* instead of an answer */
	} else if (!is_authorised(sim, connection)) {
		answer_error(reply, 401, 401, "Unauthorized");
	} else if (strncmp(path, sim->path, prefix) != 0) {
		answer_not_found(reply);
	} else {
		count = split(
		    copy + prefix, parts, sizeof(parts) / sizeof(parts[0]));
		route(sim, method, parts, count, body, reply);
	}
	buf_printf(&sim->log, "%s %s %u\n", method, path, reply->status);
	free(copy);
}

static enum MHD_Result
send_reply(struct MHD_Connection *connection, struct reply *reply)
{
	struct timespec delay = {
	    reply->delay_ms / 1000, reply->delay_ms % 1000 * 1000000};
	struct MHD_Response *response;
	enum MHD_Result result;

	nanosleep(&delay, NULL);
	if (reply->cut) {
		buf_free(&reply->body);
		return MHD_NO;
	}
	response = MHD_create_response_from_buffer(
	    reply->body.len, reply->body.data, MHD_RESPMEM_MUST_FREE);
	MHD_add_response_header(response, "Content-Type", reply->type);
	result = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

/* As of libmicrohttpd: the head first, then the body in pieces, then nothing.
 */
static enum MHD_Result
handle(void *context, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *upload,
    size_t *upload_len, void **request_context)
{
	struct sim *sim = context;
	struct buf *body = *request_context;
	struct reply reply = {.status = 200, .type = MEDIA_TYPE};

	(void)version;
	if (body == NULL) {
		*request_context = body = xmalloc(sizeof(*body));
		*body = (struct buf)BUF_INIT;
		return MHD_YES;
	}
	if (*upload_len > 0) {
		if (body->len + *upload_len > BODY_MAX)
			return MHD_NO;
		buf_add(body, upload, *upload_len);
		*upload_len = 0;
		return MHD_YES;
	}
	buf_terminate(body);
	pthread_mutex_lock(&sim->lock);
	if (strncmp(path, "/sim/", 5) == 0)
		control(sim, method, path + 5, body, &reply);
	else
		answer_api(sim, connection, method, path, body, &reply);
	pthread_mutex_unlock(&sim->lock);
	return send_reply(connection, &reply);
}

static void
end_request(void *context, struct MHD_Connection *connection,
    void **request_context, enum MHD_RequestTerminationCode how)
{
	struct buf *body = *request_context;

	(void)context;
	(void)connection;
	(void)how;
	if (body != NULL)
		buf_free(body);
	free(body);
	*request_context = NULL;
}

/* ---- the daemon --------------------------------------------------------- */

static struct MHD_Daemon *
start(struct sim *sim, unsigned short port, const struct buf *certificate,
    const struct buf *key)
{
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
	    MHD_USE_THREAD_PER_CONNECTION;
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, NULL},
	    {MHD_OPTION_HTTPS_MEM_KEY, 0, NULL}, {MHD_OPTION_END, 0, NULL}};

	if (certificate->len > 0) {
		flags |= MHD_USE_TLS;
		tls[0].ptr_value = certificate->data;
		tls[1].ptr_value = key->data;
	} else {
		tls[0].option = MHD_OPTION_END;
	}
	return MHD_start_daemon(flags, port, NULL, NULL, handle, sim,
	    MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
	    end_request, sim, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static void
serve(struct sim *sim, unsigned short port, const struct buf *certificate,
    const struct buf *key)
{
	struct MHD_Daemon *daemon;
	sigset_t signals;
	int signal_number;

	/* Before there are threads, which take the mask over. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	daemon = start(sim, port, certificate, key);
	if (daemon == NULL)
		die(EX_OSERR, "cannot listen on 127.0.0.1, port %u: %s", port,
		    strerror(errno));
	printf("%s://127.0.0.1:%u%s\n", certificate->len > 0 ? "https" : "http",
	    MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port,
	    sim->path);
	if (fflush(stdout) != 0)
		die(EX_IOERR, "cannot write to standard output");
	sigwait(&signals, &signal_number);
	MHD_stop_daemon(daemon);
}

static void
read_pem_or_die(const char *path, struct buf *text)
{
	if (!read_file(path, BODY_MAX, text))
		die(EX_NOINPUT, "%s: %s", path, strerror(errno));
	buf_terminate(text);
}

int
main(int argc, char **argv)
{
	struct sim sim = {.path = "", .first_id = 1};
	struct buf certificate = BUF_INIT, key = BUF_INIT;
	unsigned short port = 0;
	int option;

	log_init("sim-registry");
	opterr = 0;
	while ((option = getopt(argc, argv, ":p:P:k:t:i:C:K:hV")) != -1) {
		switch (option) {
		case 'p':
			port = (unsigned short)strtoul(optarg, NULL, 10);
			break;
		case 'P':
			sim.path = optarg;
			break;
		case 'k':
			sim.password = xstrdup(optarg);
			sim.user = strsep(&sim.password, ":");
			break;
		case 't':
			sim.token = xstrdup(optarg);
			break;
		case 'i':
			sim.first_id = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'C':
			read_pem_or_die(optarg, &certificate);
			break;
		case 'K':
			read_pem_or_die(optarg, &key);
			break;
		case 'h':
			print_help_and_exit(USAGE);
		case 'V':
			print_version_and_exit("sim-registry");
		default:
			usage_error_and_exit(option);
		}
	}
	if (optind < argc)
		die(EX_USAGE, "unexpected argument \"%s\"", argv[optind]);
	pthread_mutex_init(&sim.lock, NULL);
	sim.faults = cJSON_CreateArray();
	sim.others = cJSON_CreateArray();

	serve(&sim, port, &certificate, &key);

	for (size_t i = 0; i < sim.nschemas; i++)
		free(sim.schemas[i]);
	for (size_t i = 0; i < sim.nversions; i++)
		free(sim.versions[i].subject);
	free(sim.schemas);
	free(sim.versions);
	free(sim.user);
	free(sim.token);
	cJSON_Delete(sim.faults);
	cJSON_Delete(sim.others);
	buf_free(&sim.log);
	buf_free(&certificate);
	buf_free(&key);
	return EX_OK;
}
