#include "outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"

void
outcome_set_error(struct outcome *outcome, const char *message)
{
	outcome->last_error.len = 0;
	buf_add_string(&outcome->last_error, message);
	buf_terminate(&outcome->last_error);
}

void
outcome_error(struct outcome *outcome, int status, const char *format, ...)
{
	char *message;
	va_list ap;

	statuses_add(&outcome->statuses, status);
	va_start(ap, format);
	if (vasprintf(&message, format, ap) >= 0) {
		log_error("%s", message);
		outcome_set_error(outcome, message);
		free(message);
	}
	va_end(ap);
}
