/*
 * The names of instances: of ccm-scrape@NAME.service and its timer, of
 * /etc/ccm/NAME.env, of a directory in /var/lib/ccm and of credentials.
 */
#ifndef CCM_INSTANCE_H
#define CCM_INSTANCE_H

#include <stdbool.h>

/* "ccm-scrape@NAME.service" is a file name, "ccm.NAME.VARIABLE.cred" a
 * credential's, both of at most 255. */
#define INSTANCE_NAME_MAX 200

/* The same for a message: "NAME is not a name for an instance; that is " ... */
#define INSTANCE_NAME_RULE "1 to 200 of A-Z a-z 0-9 . _ -, no dot in front"

bool is_instance_name(const char *name);

#endif
