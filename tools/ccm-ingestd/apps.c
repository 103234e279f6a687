#include "apps.h"

#include <stdlib.h>

/* In two lists: of its app, and of all. */
struct recent {
	struct app *app;
	struct recent *older, *newer;
	struct recent *older_of_app, *newer_of_app;
	size_t len;
	char text[];
};

/* FNV-1a, 32 bits. */
static size_t
bucket_of(const char *id)
{
	uint32_t hash = 0x811c9dc5;

	while (*id != '\0')
		hash = (hash ^ (unsigned char)*id++) * 0x01000193;
	return hash % APP_BUCKETS;
}

static struct app *
find(const struct apps *apps, const char *id)
{
	struct app *app = apps->buckets[bucket_of(id)];

	while (app != NULL && strcmp(app->id, id) != 0)
		app = app->next_in_bucket;
	return app;
}

struct app *
apps_get(struct apps *apps, const char *id)
{
	struct app *app = find(apps, id);
	struct app **bucket = &apps->buckets[bucket_of(id)];

	if (app != NULL || apps->count == APPS_MAX)
		return app;
	app = xmalloc(sizeof(*app));
	*app = (struct app){
	    .id = xstrdup(id), .next = apps->first, .next_in_bucket = *bucket};
	*bucket = app;
	apps->first = app;
	apps->count++;
	return app;
}

static void
drop(struct apps *apps, struct recent *recent)
{
	struct app *app = recent->app;

	*(recent->newer != NULL ? &recent->newer->older : &apps->newest) =
	    recent->older;
	*(recent->older != NULL ? &recent->older->newer : &apps->oldest) =
	    recent->newer;
	*(recent->newer_of_app != NULL ? &recent->newer_of_app->older_of_app
				       : &app->newest) = recent->older_of_app;
	*(recent->older_of_app != NULL ? &recent->older_of_app->newer_of_app
				       : &app->oldest) = recent->newer_of_app;
	app->nrecent--;
	apps->bytes -= sizeof(*recent) + recent->len;
	free(recent);
}

void
apps_add_recent(
    struct apps *apps, struct app *app, const char *text, size_t len)
{
	struct recent *recent = xmalloc(sizeof(*recent) + len);

	*recent = (struct recent){.app = app,
	    .len = len,
	    .older = apps->newest,
	    .older_of_app = app->newest};
	memcpy(recent->text, text, len);
	*(apps->newest != NULL ? &apps->newest->newer : &apps->oldest) = recent;
	apps->newest = recent;
	*(app->newest != NULL ? &app->newest->newer_of_app : &app->oldest) =
	    recent;
	app->newest = recent;
	app->nrecent++;
	apps->bytes += sizeof(*recent) + len;
	if (app->nrecent > RECENT_MAX)
		drop(apps, app->oldest);
	while (apps->bytes > RECENT_BYTES_MAX)
		drop(apps, apps->oldest);
}

void
apps_write_recent(
    const struct apps *apps, const char *id, size_t limit, struct buf *out)
{
	const struct app *app = find(apps, id);
	const struct recent *recent = app != NULL ? app->newest : NULL;

	for (size_t i = 0; i < limit && recent != NULL; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		buf_add(out, recent->text, recent->len);
		recent = recent->older_of_app;
	}
}

void
apps_free(struct apps *apps)
{
	struct app *app;

	while (apps->oldest != NULL)
		drop(apps, apps->oldest);
	while ((app = apps->first) != NULL) {
		apps->first = app->next;
		free(app->id);
		free(app);
	}
}
