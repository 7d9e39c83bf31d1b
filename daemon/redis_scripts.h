/*
 * redis_scripts - the Lua that makes a question and what follows from it one step. Scripts do not roll back: everything is compared
 * before the first write, and nothing after it can fail. Integers travel as decimal strings and are compared as strings: Lua's numbers are doubles.
 */
#ifndef DUNNINGD_DAEMON_REDIS_SCRIPTS_H
#define DUNNINGD_DAEMON_REDIS_SCRIPTS_H

extern const char script_lease[], script_release[], script_announce[], script_trying[], script_scrub[];

#endif
