/*
 * first_day - the shipped policies, templates and law with what a person writes on the first day: one mail and one SMS provider, one sender.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_FIRST_DAY_H
#define DUNNINGD_TESTS_SUPPORT_FIRST_DAY_H

#include "common/config.h"
#include "common/library.h"

struct first_day {
	struct arena *arena;
	struct config *config;
	struct library *library;
};

const char *first_day_config(struct arena *arena, const char *locale, const char *zone, const char *policy); /* in the arena */
/* Fails the test when it does not load. */
void first_day_open(struct first_day *s, const char *locale, const char *zone, const char *policy);
void first_day_close(struct first_day *s);

#endif
