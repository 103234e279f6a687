/*
 * The settings of ccm-ingestd, from its environment; ccm-ingestd(1) describes
 * each of them.
 */
#ifndef CCM_INGESTD_SETTINGS_H
#define CCM_INGESTD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Items of a list; NULL and 0 where it is not set. */
struct list {
	char **items;
	size_t count;
};

struct settings {
	struct list listen;        /* CCM_LISTEN */
	struct list app_ids;       /* CCM_APP_IDS: others are 403 */
	struct list cors_origins;  /* CCM_CORS_ORIGINS */
	struct list hosts;         /* CCM_HOSTS */
	const char *tokens_file;   /* CCM_TOKENS_FILE or NULL */
	bool is_open;              /* CCM_OPEN */
	int accept_status;         /* CCM_ACCEPT_STATUS */
	uint64_t spool_max;        /* CCM_SPOOL_MAX, bytes */
	uint64_t spool_free_min;   /* CCM_SPOOL_FREE_MIN, bytes */
	unsigned connections_max;  /* CCM_MAX_CONNECTIONS */
	unsigned per_address_max;  /* CCM_MAX_CONNECTIONS_PER_ADDRESS */
	bool per_address_is_local; /* that is set: it holds on loopback too */
	int64_t series_ttl_ms;     /* CCM_SERIES_TTL; 0: for ever */
	size_t series_max;         /* CCM_MAX_SERIES */
	enum { APP_LABEL_AUTO, APP_LABEL_NEVER, APP_LABEL_ALWAYS } app_label;
	bool profile_label;      /* CCM_PROFILE_LABEL */
	int64_t health_kafka_ms; /* CCM_HEALTH_KAFKA_SECONDS; 0: never */
	int64_t head_ms, body_ms, idle_ms; /* CCM_HEAD_SECONDS, ... */
};

/* Reads them; all that is wrong is reported, then EX_CONFIG. */
void settings_read_or_die(struct settings *settings);

bool list_has(const struct list *list, const char *item);

#endif
