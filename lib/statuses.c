#include "statuses.h"

#include <sys/wait.h>
#include <sysexits.h>

static const int order[] = {EX_SOFTWARE, EX_OSERR, EX_IOERR, EX_TEMPFAIL,
    EX_CONFIG, EX_NOPERM, EX_UNAVAILABLE, EX_DATAERR};

#define NORDER (sizeof(order) / sizeof(order[0]))

void
statuses_add(struct statuses *statuses, int status)
{
	if (status == EX_OK)
		return;
	if (status > 128)
		status = EX_TEMPFAIL;
	else if (status == EX_CANTCREAT)
		status = EX_IOERR;
	else if (status == EX_USAGE)
		status = EX_CONFIG;
	for (size_t i = 0; i < NORDER; i++) {
		if (order[i] == status) {
			statuses->seen[status] = true;
			return;
		}
	}
	statuses->seen[EX_SOFTWARE] = true;
}

void
statuses_add_wait(struct statuses *statuses, int wait_status)
{
	if (WIFEXITED(wait_status))
		statuses_add(statuses, WEXITSTATUS(wait_status));
	else
		statuses_add(statuses, EX_TEMPFAIL);
}

int
statuses_first(const struct statuses *statuses)
{
	for (size_t i = 0; i < NORDER; i++) {
		if (!statuses->seen[order[i]])
			continue;
		if (order[i] == EX_TEMPFAIL && statuses->unauthorised &&
		    statuses->seen[EX_NOPERM])
			return EX_NOPERM;
		return order[i];
	}
	return EX_OK;
}

void
statuses_write(const struct statuses *statuses, struct buf *out)
{
	const char *comma = "";

	buf_add_char(out, '[');
	for (size_t i = 0; i < NORDER; i++) {
		if (!statuses->seen[order[i]])
			continue;
		buf_printf(out, "%s%d", comma, order[i]);
		comma = ",";
	}
	buf_add_char(out, ']');
}
