#include "way-back.h"

#include <fcntl.h>
#include <unistd.h>

#include "clock.h"
#include "daemon.h"
#include "figures.h"
#include "log.h"

#define EXPIRE_MS 1000
#define EXPIRE_ON_MS 20
#define TWO_APPS_NAME ".two-apps"

/* That two apps were seen once is kept in the spool, so that no restart takes
 * the label off the series again. */
static bool
has_two_apps(struct daemon *daemon)
{
	int fd;

	if (daemon->has_two_apps || daemon->apps.count < 2)
		return daemon->has_two_apps;
	daemon->has_two_apps = true;
	log_warn("a second app is known: the label app_id is on all client "
		 "series from now on (CCM_APP_LABEL=auto)");
	fd = openat(daemon->spool.dir_fd, TWO_APPS_NAME,
	    O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	if (fd >= 0)
		close(fd);
	return true;
}

static bool
has_app_label(void *context)
{
	struct daemon *daemon = context;

	if (daemon->settings.app_label == APP_LABEL_AUTO)
		return has_two_apps(daemon);
	return daemon->settings.app_label == APP_LABEL_ALWAYS;
}

static void
add_own(void *context, struct buf *out)
{
	figures_write(context, out);
}

/* One part of the table after the other. */
static void
expire(void *context)
{
	struct daemon *daemon = context;
	bool is_round = series_expire(&daemon->series, clock_ms());

	loop_timer_set(&daemon->loop, &daemon->expire,
	    is_round ? EXPIRE_MS : EXPIRE_ON_MS);
}

void
way_back_set_up(struct daemon *daemon)
{
	const struct settings *settings = &daemon->settings;

	daemon->has_two_apps =
	    faccessat(daemon->spool.dir_fd, TWO_APPS_NAME, F_OK, 0) == 0;
	series_table_init(&daemon->series,
	    &(struct series_options){.ttl_ms = settings->series_ttl_ms,
		.max = settings->series_max,
		.with_app = settings->app_label != APP_LABEL_NEVER,
		.with_profile = settings->profile_label});
	feed_open_or_die(&daemon->feed, &daemon->loop, daemon->feed_path,
	    &daemon->series, &daemon->apps);
	producer_init(&daemon->producer, daemon->spool.dir_fd);
	if (daemon->is_development && daemon->feed_path != NULL)
		daemon->feed.shipper = &daemon->producer;
	daemon->page.series = &daemon->series;
	daemon->page.has_app_label = has_app_label;
	daemon->page.add_own = add_own;
	daemon->page.context = daemon;
	page_start(&daemon->page, &daemon->loop);
	daemon->expire =
	    (struct loop_timer){.on_time = expire, .context = daemon};
	loop_timer_set(&daemon->loop, &daemon->expire, EXPIRE_MS);
}
