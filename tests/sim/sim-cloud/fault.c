#include "fault.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define STALL_SECONDS 3600

struct fault_rule {
	char *path;     /* NULL: any */
	cJSON *matches; /* an array of strings, or NULL: any */
	long after, times;
	long percent;             /* 100: always */
	unsigned short chance[3]; /* of erand48(3) */
	struct fault fault;
};

static const char *const names[FAULT_KINDS] = {[FAULT_NONE] = "",
    [FAULT_STATUS] = "status",
    [FAULT_CUT] = "cut",
    [FAULT_RESET] = "reset",
    [FAULT_STALL] = "stall",
    [FAULT_HTML] = "html",
    [FAULT_HTML404] = "html404",
    [FAULT_TOKEN_EXPIRED] = "token_expired",
    [FAULT_TRUNCATED_JSON] = "truncated_json",
    [FAULT_RETRY_AFTER] = "retry_after",
    [FAULT_SLOW] = "slow",
    [FAULT_REDIRECT] = "redirect",
    [FAULT_EMPTY_PAGES] = "empty_pages",
    [FAULT_ENDLESS] = "endless"};

const char *
fault_name(enum fault_kind kind)
{
	return names[kind];
}

static enum fault_kind
kind_by_name(const char *name)
{
	for (enum fault_kind kind = FAULT_STATUS; kind < FAULT_KINDS; kind++)
		if (strcmp(names[kind], name) == 0)
			return kind;
	return FAULT_NONE;
}

void
fault_free(struct fault *fault)
{
	free(fault->text);
	free(fault->again);
	cJSON_Delete(fault->header_fields);
	*fault = (struct fault){.kind = FAULT_NONE};
}

static void
rule_free(struct fault_rule *rule)
{
	free(rule->path);
	cJSON_Delete(rule->matches);
	fault_free(&rule->fault);
}

void
fault_rules_clear(struct fault_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		rule_free(&rules->at[i]);
	free(rules->at);
	*rules = (struct fault_rules){NULL, 0};
}

static bool
wrong(struct buf *problem, const char *what, const char *name)
{
	buf_printf(problem, "%s%s", what, name);
	return false;
}

static bool
integer(const cJSON *item, long *number)
{
	if (!cJSON_IsNumber(item) || fabs(item->valuedouble) > 1e9)
		return false;
	*number = (long)item->valuedouble;
	return true;
}

/* Of {"redirect":URL,"status":N} the kind is redirect: the most special of its
 * members, which is why the table of names is searched from its end. */
static enum fault_kind
kind_of_object(const cJSON *object)
{
	for (enum fault_kind kind = FAULT_KINDS - 1; kind > FAULT_NONE; kind--)
		if (cJSON_GetObjectItemCaseSensitive(object, names[kind]) !=
		    NULL)
			return kind;
	return FAULT_NONE;
}

/* A member beside the one that names the kind. */
static bool
fault_read_detail(struct fault *fault, const cJSON *item, struct buf *problem)
{
	enum fault_kind kind = fault->kind;
	long number;

	if (strcmp(item->string, "body") == 0 &&
	    (kind == FAULT_STATUS || kind == FAULT_ENDLESS) &&
	    cJSON_IsString(item)) {
		fault->text = xstrdup(item->valuestring);
	} else if (strcmp(item->string, "headers") == 0 &&
	    kind == FAULT_STATUS && cJSON_IsObject(item)) {
		fault->header_fields = cJSON_Duplicate(item, true);
	} else if (strcmp(item->string, "headers") == 0 &&
	    kind == FAULT_STALL && cJSON_IsBool(item)) {
		fault->headers = cJSON_IsTrue(item);
	} else if (strcmp(item->string, "status") == 0 &&
	    kind == FAULT_REDIRECT && integer(item, &number) && number >= 300 &&
	    number < 400) {
		fault->status = (unsigned)number;
	} else if (strcmp(item->string, "status") == 0 &&
	    kind == FAULT_ENDLESS && integer(item, &number) && number >= 200 &&
	    number <= 599) {
		fault->status = (unsigned)number;
	} else if (strcmp(item->string, "pause") == 0 &&
	    kind == FAULT_ENDLESS && integer(item, &number) && number >= 0) {
		fault->pause_ms = number;
	} else {
		return wrong(problem, "unknown or wrong: ", item->string);
	}
	return true;
}

/* The value of the member that names the kind. */
static bool
fault_read_value(struct fault *fault, const cJSON *item, struct buf *problem)
{
	bool is_true = cJSON_IsTrue(item);
	bool is_number = integer(item, &fault->number) && fault->number >= 0;

	switch (fault->kind) {
	case FAULT_REDIRECT:
		if (!cJSON_IsString(item))
			break;
		fault->text = xstrdup(item->valuestring);
		return true;
	case FAULT_ENDLESS:
		if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
			break;
		fault->again = xstrdup(item->valuestring);
		return true;
	case FAULT_STATUS:
		if (!is_number || fault->number < 200 || fault->number > 599)
			break;
		return true;
	case FAULT_RETRY_AFTER:
	case FAULT_SLOW:
		if (!is_number)
			break;
		return true;
	case FAULT_CUT:
	case FAULT_STALL:
		if (is_true)
			fault->number =
			    fault->kind == FAULT_CUT ? -1 : STALL_SECONDS;
		if (!is_true && !is_number)
			break;
		return true;
	default:
		if (!is_true)
			break;
		return true;
	}
	return wrong(problem, "wrong value: ", names[fault->kind]);
}

static bool
fault_read(struct fault *fault, const cJSON *item, struct buf *problem)
{
	const cJSON *truth = NULL, *member;

	*fault = (struct fault){.kind = FAULT_NONE, .status = 307};
	if (cJSON_IsString(item)) {
		cJSON *yes = cJSON_CreateTrue();
		bool good;

		fault->kind = kind_by_name(item->valuestring);
		good = fault->kind == FAULT_NONE
		    ? wrong(problem, "unknown fault: ", item->valuestring)
		    : fault_read_value(fault, yes, problem);
		cJSON_Delete(yes);
		return good;
	}
	if (!cJSON_IsObject(item))
		return wrong(problem, "a rule needs a fault", "");
	fault->kind = kind_of_object(item);
	if (fault->kind == FAULT_NONE)
		return wrong(problem, "unknown fault", "");
	if (fault->kind == FAULT_ENDLESS)
		fault->status = 200;
	cJSON_ArrayForEach(member, item)
	{
		if (strcmp(member->string, names[fault->kind]) == 0)
			truth = member;
		else if (!fault_read_detail(fault, member, problem))
			return false;
	}
	return fault_read_value(fault, truth, problem);
}

/* A text, or an array of texts. */
static bool
rule_read_match(struct fault_rule *rule, const cJSON *match)
{
	const cJSON *item;

	if (cJSON_IsString(match)) {
		rule->matches = cJSON_CreateArray();
		return cJSON_AddItemToArray(
		    rule->matches, cJSON_Duplicate(match, true));
	}
	rule->matches = cJSON_Duplicate(match, true);
	cJSON_ArrayForEach(item, match)
	{
		if (!cJSON_IsString(item))
			return false;
	}
	return cJSON_IsArray(match);
}

static bool
rule_read_number(struct fault_rule *rule, const cJSON *member)
{
	const char *name = member->string;
	long number;

	if (!integer(member, &number))
		return false;
	if (strcmp(name, "after") == 0 && number >= 0)
		rule->after = number;
	else if (strcmp(name, "times") == 0 && number >= -1)
		rule->times = number;
	else if (strcmp(name, "percent") == 0 && number >= 0 && number <= 100)
		rule->percent = number;
	else if (strcmp(name, "seed") == 0 && number >= 0 && number <= 65535)
		rule->chance[1] = (unsigned short)number;
	else
		return false;
	return true;
}

static bool
rule_read(struct fault_rule *rule, const cJSON *object, struct buf *problem)
{
	const cJSON *member;
	bool has_fault = false;

	*rule = (struct fault_rule){
	    .times = 1, .percent = 100, .chance = {0x330e, 1, 0}};
	if (!cJSON_IsObject(object))
		return wrong(problem, "a rule is an object", "");
	cJSON_ArrayForEach(member, object)
	{
		const char *name = member->string;

		if (strcmp(name, "path") == 0 && cJSON_IsString(member)) {
			rule->path = xstrdup(member->valuestring);
		} else if (strcmp(name, "match") == 0) {
			if (!rule_read_match(rule, member))
				return wrong(problem, "wrong value: ", name);
		} else if (strcmp(name, "fault") == 0) {
			has_fault = true;
			if (!fault_read(&rule->fault, member, problem))
				return false;
		} else if (!rule_read_number(rule, member)) {
			return wrong(problem, "unknown or wrong: ", name);
		}
	}
	return has_fault || wrong(problem, "a rule needs a fault", "");
}

bool
fault_rules_add(struct fault_rules *rules, const char *text, size_t len,
    struct buf *problem)
{
	struct fault_rules new = {NULL, 0};
	const cJSON *item;
	const char *error;
	size_t offset;
	bool good = true;
	cJSON *array;

	if (!json_validate(text, len, &error, &offset))
		return wrong(problem, "not JSON: ", error);
	array = cJSON_ParseWithLength(text, len);
	if (!cJSON_IsArray(array)) {
		cJSON_Delete(array);
		return wrong(problem, "not an array of rules", "");
	}
	new.at = xmalloc(
	    (rules->n + (size_t)cJSON_GetArraySize(array)) * sizeof(*new.at));
	cJSON_ArrayForEach(item, array)
	{
		if (good)
			good = rule_read(&new.at[new.n++], item, problem);
	}
	cJSON_Delete(array);
	if (!good) {
		fault_rules_clear(&new);
		return false;
	}
	memmove(new.at + rules->n, new.at, new.n * sizeof(*new.at));
	if (rules->n > 0)
		memcpy(new.at, rules->at, rules->n * sizeof(*new.at));
	new.n += rules->n;
	free(rules->at);
	*rules = new;
	return true;
}

static bool
has_matches(const cJSON *matches, const char *query_string, const char *body)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, matches)
	{
		if (strstr(body, item->valuestring) == NULL &&
		    strstr(query_string, item->valuestring) == NULL)
			return false;
	}
	return true;
}

static bool
rule_applies(struct fault_rule *rule, const char *path,
    const char *query_string, const char *body, bool has_page_token)
{
	if (rule->path != NULL &&
	    strncmp(rule->path, path, strlen(rule->path)) != 0)
		return false;
	if (!has_matches(rule->matches, query_string, body))
		return false;
	if (rule->fault.kind == FAULT_TOKEN_EXPIRED && !has_page_token)
		return false;
	if (rule->after > 0) {
		rule->after--;
		return false;
	}
	if (rule->times == 0)
		return false;
	if (rule->percent < 100 &&
	    erand48(rule->chance) * 100 >= (double)rule->percent)
		return false;
	if (rule->times > 0)
		rule->times--;
	return true;
}

struct fault
fault_rules_next(struct fault_rules *rules, const char *path,
    const char *query_string, const char *body, bool has_page_token)
{
	for (size_t i = 0; i < rules->n; i++) {
		struct fault fault = rules->at[i].fault;

		if (!rule_applies(&rules->at[i], path, query_string, body,
			has_page_token))
			continue;
		if (fault.text != NULL)
			fault.text = xstrdup(fault.text);
		if (fault.again != NULL)
			fault.again = xstrdup(fault.again);
		fault.header_fields = cJSON_Duplicate(fault.header_fields, 1);
		return fault;
	}
	return (struct fault){.kind = FAULT_NONE};
}
