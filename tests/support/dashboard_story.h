/*
 * dashboard_story - a story whose daemon has the dashboard: a year of invoices that were paid, and some that are reminded, disputed, promised,
 * called about and to be decided; a debtor with a name that would like to be HTML. For the tests of the dashboard.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_DASHBOARD_STORY_H
#define DUNNINGD_TESTS_SUPPORT_DASHBOARD_STORY_H

#include "tests/support/story.h"

#define DASHBOARD_NAME "<script>alert(1)</script> & \"Söhne\""
#define DASHBOARD_READER "nora-reads-0123456789abcdef"
#define DASHBOARD_ACTOR "anne-acts-0123456789abcdef"

struct dashboard_story {
	struct story story;
	int port; /* of the dashboard */
};

/*
 * The clock stands at 2026-04-09T13:30Z, a Thursday. Due: lid-1, a call to make; lid-2, disputed; lid-3, promised; lid-4, reminded that day;
 * lid-5, a decision to be made; lid-6, not yet. `months` of paid invoices before.
 */
void dashboard_story_open(struct dashboard_story *d, int months);
void dashboard_story_close(struct dashboard_story *d);
/* In the arena of the story. */
const char *dashboard_story_url(struct dashboard_story *d, const char *path);
int64_t dashboard_story_readings(struct dashboard_story *d, const char *customer); /* read.made records about it, in the trail now */

#endif
