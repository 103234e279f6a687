#include "component.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "process.h"

#define DELAY_MS 1000
#define DELAY_MS_MAX 60000
/* One that has run for that long begins the delays anew. */
#define RAN_MS 60000

/* One second, then twice as long each time. */
static void
put_off(struct component *component)
{
	int64_t now = monotonic_ms();
	int64_t delay = component->delay_ms * 2;

	if (delay == 0 || now - component->started_ms >= RAN_MS)
		delay = DELAY_MS;
	component->delay_ms = delay < DELAY_MS_MAX ? delay : DELAY_MS_MAX;
	component->due_ms = now + component->delay_ms;
}

void
component_start(struct component *component)
{
	const struct process_fd fds[] = {
	    {-1, STDIN_FILENO}, {component->stdout_fd, STDOUT_FILENO}};
	const struct process process = {.argv = component->argv,
	    .env = component->env,
	    .fds = fds,
	    .nfds = 2,
	    .group = PROCESS_IN_ITS_GROUP,
	    .cwd_fd = -1,
	    .death_signal = SIGTERM};
	int error = process_start(&process, &component->pid);

	component->started_ms = monotonic_ms();
	component->kill_ms = 0;
	if (error != 0) {
		put_off(component);
		log_error("cannot run %s: %s; next try in %d s",
		    component->argv[0], strerror(error),
		    (int)(component->delay_ms / 1000));
		return;
	}
	component->pid_fd = pidfd_open(component->pid, 0);
	if (component->pid_fd < 0)
		die(EX_OSERR, "cannot wait for %s: %s", component->name,
		    strerror(errno));
	log_debug("%s runs: process %d", component->name, (int)component->pid);
}

bool
component_has_ended(struct component *component)
{
	if (component->pid == 0 ||
	    waitpid(component->pid, &component->wait_status, WNOHANG) !=
		component->pid)
		return false;
	close(component->pid_fd);
	component->pid = 0;
	component->pid_fd = -1;
	return true;
}

void
component_plan(struct component *component)
{
	struct buf text = BUF_INIT;

	if (component->kill_ms != 0) {
		component->due_ms = monotonic_ms();
		return;
	}
	put_off(component);
	process_describe_end(&text, component->name, component->wait_status);
	log_warn("%s; restarting it in %d s", buf_terminate(&text),
	    (int)(component->delay_ms / 1000));
	buf_free(&text);
}

void
component_stop(struct component *component, int64_t patience_ms)
{
	if (component->pid == 0 || component->kill_ms != 0)
		return;
	component->kill_ms = monotonic_ms() + patience_ms;
	kill(component->pid, SIGTERM);
}

void
component_kill(struct component *component)
{
	if (component->pid != 0)
		kill(-component->pid, SIGKILL);
}

void
component_hurry(struct component *component)
{
	if (component->pid == 0 || component->kill_ms == 0 ||
	    monotonic_ms() < component->kill_ms)
		return;
	log_warn("%s does not end; it gets SIGKILL", component->name);
	component_kill(component);
	component->kill_ms = INT64_MAX;
}

int64_t
component_due_ms(const struct component *component)
{
	if (component->pid == 0)
		return component->due_ms;
	return component->kill_ms != 0 ? component->kill_ms : INT64_MAX;
}
