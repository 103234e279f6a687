#include "kafka-address.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "env.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* The length of "NAME://" in front, or 0. */
static size_t
scheme_length(const char *item)
{
	size_t len = strspn(item, LETTERS "_");

	return len > 0 && strncmp(item + len, "://", 3) == 0 ? len + 3 : 0;
}

static bool
is_protocol(const char *name, size_t len)
{
	static const char *const protocols[] = {
	    "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (strlen(protocols[i]) == len &&
		    strncasecmp(name, protocols[i], len) == 0)
			return true;
	return false;
}

/* The length of the host, or 0 where there is none. */
static size_t
host_length(const char *at)
{
	size_t len;

	if (*at == '[') {
		len = 1 + strspn(at + 1, DIGITS "ABCDEFabcdef:.%");
		return at[len] == ']' && len > 2 ? len + 1 : 0;
	}
	return *at == '-' ? 0 : strspn(at, LETTERS DIGITS "._-");
}

static bool
is_port(const char *at)
{
	size_t len = strspn(at, DIGITS);
	long port = strtol(at, NULL, 10);

	return len > 0 && len <= 5 && at[len] == '\0' && port > 0 &&
	    port <= 65535;
}

static bool
check(const char *item, const char *protocol, struct buf *problem)
{
	size_t scheme = scheme_length(item), host;
	const char *address = item + scheme;

	if (scheme > 0 && is_protocol(item, scheme - 3) &&
	    (strlen(protocol) != scheme - 3 ||
		strncasecmp(item, protocol, scheme - 3) != 0)) {
		buf_printf(problem,
		    "\"%s\" is not the security protocol in force, which is %s; set KAFKA_SECURITY_PROTOCOL=%.*s, or remove it here",
		    item, protocol, (int)scheme - 3, item);
		return false;
	}
	host = host_length(address);
	if ((scheme > 0 && !is_protocol(item, scheme - 3)) || host == 0 ||
	    (address[host] != '\0' && address[host] != ':')) {
		buf_printf(problem,
		    "\"%s\" is not the address of a broker; HOST:PORT is expected, with commas between several",
		    item);
		return false;
	}
	if (address[host] == ':' && !is_port(address + host + 1)) {
		buf_printf(problem,
		    "\"%s\" has no valid port; a number from 1 to 65535 is expected",
		    item);
		return false;
	}
	return true;
}

bool
kafka_addresses(const char *text, const char *protocol, struct buf *list,
    struct buf *problem)
{
	char **items;
	size_t count;
	bool good = true;

	env_split(text, &items, &count);
	if (count == 0) {
		buf_add_string(problem, "is an empty list");
		good = false;
	}
	for (size_t i = 0; good && i < count; i++) {
		good = check(items[i], protocol, problem);
		buf_printf(list, "%s%s", i > 0 ? "," : "", items[i]);
	}
	env_list_free(items, count);
	return good;
}
