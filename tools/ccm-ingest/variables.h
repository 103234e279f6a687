/*
 * The variables that ccm-ingest takes, of its environment and of a file, and
 * those that each of its programs gets: none that is not its own, so that who
 * listens to the network has no access to Kafka's secrets.
 */
#ifndef CCM_INGEST_VARIABLES_H
#define CCM_INGEST_VARIABLES_H

#include <stdbool.h>

/*
 * Adds the variables of the file that CCM_ENV_FILE names, else of ./.env where
 * there is one (env-file.h), but for those that are set. Logs the path; exits
 * with EX_CONFIG where the file is no good.
 */
void variables_read_file_or_die(void);

/* FLASK_ENV or CCM_ENV is "development". */
bool variables_say_development(void);

/* The environment of a program: an array, and its strings, that stay. */
enum variables_for { FOR_DAEMON, FOR_SHIPPER, FOR_CONSUMER };
char **variables_of(enum variables_for program);

#endif
