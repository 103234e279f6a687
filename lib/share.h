/*
 * Files that are installed with the programs, in share/ccm.
 */
#ifndef CCM_SHARE_H
#define CCM_SHARE_H

/* The path of one, "schemas/metric.avsc": it is beside the directory of the
 * program that runs. The caller's to free. */
char *share_path(const char *name);

#endif
