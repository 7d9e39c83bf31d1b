/* The insides of policy simulate: cmd_simulate.c asks and shows, cmd_simulate_book.c reads the book. */
#ifndef DUNNINGD_TOOLS_CMD_SIMULATE_H
#define DUNNINGD_TOOLS_CMD_SIMULATE_H

#include "tools/outlook.h"

struct ctl;
/* What stands in Redis now, and the events that the daemon has not taken yet. Only reads. 0 or an exit code. */
int simulate_read_redis(struct ctl *ctl, struct book *book);

#endif
