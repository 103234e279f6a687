#include "instance.h"

#include <string.h>

bool
is_instance_name(const char *name)
{
	size_t len = strspn(name,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	    "._-");

	return len == strlen(name) && len >= 1 && len <= INSTANCE_NAME_MAX &&
	    name[0] != '.';
}
