/*
 * The samples of an exposition: of an export of the Metrics API, or of any
 * other producer. Histograms and summaries are the samples that they have.
 *
 * The two families with which the API reports on the export itself never become
 * records, and neither do NaN and the infinities, which JSON does not have.
 */
#ifndef CCM_NORMALIZE_SAMPLES_H
#define CCM_NORMALIZE_SAMPLES_H

#include "exposition-reader.h"
#include "hour.h"
#include "record-writer.h"

struct samples {
	struct record_writer *writer;
	struct exposition_reader reader;
	struct ccm_clock clock; /* the time of a sample that has none */
};

/* A line of a filter (filter.h); the state is a struct samples. */
bool samples_line(void *state, const char *line, size_t len, struct buf *out,
    struct buf *problem);

#endif
