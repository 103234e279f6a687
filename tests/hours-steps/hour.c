/*
 * hour [all] - what ccm-hours runs in tests/cli/hours-steps.t: an hour always
 * has the same values.
 *
 * Each hour has the values a and b. With "all", of the hours of a day 1, 5, 9,
 * ... owe two bodies, c and d, and 2, 6, 10, ... have a rejected value, r. When
 * owed bodies are queried again, c and e are answered, and d is owed as e.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

struct hour {
	const char *text;
	FILE *records, *owed, *rejected;
	int answered, still_owed, unreadable;
};

/* Of "2025-09-02T00:05:00Z", in seconds. */
static int64_t
seconds(const char *text)
{
	struct tm tm = {0};

	if (text == NULL || strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
		exit(EX_USAGE);
	return timegm(&tm);
}

static FILE *
create(const char *name)
{
	FILE *file = fopen(name, "wx");

	if (file == NULL) {
		perror(name);
		exit(EX_CANTCREAT);
	}
	return file;
}

static void
answer(struct hour *hour, char part)
{
	fprintf(hour->records,
	    "{\"fields\":{\"value\":1},\"name\":\"%c\",\"tags\":{\"hour\":"
	    "\"%s\"},\"timestamp\":%jd000}\n",
	    part, hour->text, (intmax_t)seconds(hour->text));
	hour->answered++;
}

static void
owe(struct hour *hour, char part)
{
	fprintf(hour->owed, "{\"part\":\"%c\",\"hour\":\"%s\"}\n", part,
	    hour->text);
	hour->still_owed++;
}

static void
first_round(struct hour *hour, bool all)
{
	int64_t of_day = seconds(hour->text) / 3600 % 24;

	answer(hour, 'a');
	answer(hour, 'b');
	if (all && of_day % 4 == 1) {
		owe(hour, 'c');
		owe(hour, 'd');
	}
	if (all && of_day % 4 == 2) {
		fprintf(hour->rejected, "r of %s\n", hour->text);
		hour->unreadable++;
	}
}

static void
owed_round(struct hour *hour)
{
	char line[256], part;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (sscanf(line, "{\"part\":\"%c\"", &part) != 1)
			exit(EX_DATAERR);
		if (part == 'd')
			owe(hour, 'e');
		else
			answer(hour, part);
	}
}

/* As ccm-fetch writes it, with the time of a right clock. */
static void
write_stats(const struct hour *hour)
{
	FILE *stats = create("stats.json");

	fprintf(stats,
	    "{\"bodies\":%d,\"answered\":%d,\"nodata\":0,\"owed\":%d,"
	    "\"refused\":0,\"points\":%d,\"unreadable\":%d,\"requests\":%d,"
	    "\"retries\":0,\"throttled\":0,\"seconds\":0.1,\"api_time\":%jd000,"
	    "\"reachable\":null,\"statuses\":[],\"unauthorised\":false,"
	    "\"refused_resources\":[],\"silent_resources\":[],"
	    "\"refused_queries\":[]}\n",
	    hour->answered + hour->still_owed, hour->answered, hour->still_owed,
	    hour->answered + hour->unreadable, hour->unreadable,
	    hour->answered + hour->still_owed,
	    (intmax_t)seconds(getenv("CCM_NOW")));
	fclose(stats);
}

int
main(int argc, char *argv[])
{
	const char *owed = getenv("CCM_OWED");
	struct hour hour = {.text = getenv("CCM_HOUR"),
	    .records = create("records.ndjson"),
	    .owed = create("owed.ndjson"),
	    .rejected = create("rejected.ndjson")};

	if (owed != NULL && strcmp(owed, "1") == 0)
		owed_round(&hour);
	else
		first_round(&hour, argc > 1 && strcmp(argv[1], "all") == 0);
	fclose(hour.records);
	fclose(hour.owed);
	fclose(hour.rejected);
	write_stats(&hour);
	return hour.unreadable > 0 ? EX_DATAERR : EX_OK;
}
