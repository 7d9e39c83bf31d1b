/* Who reads what in the trail is itself recorded there: by the daemon, the only one that writes it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/record.h"
#include "tools/cmd.h"

static void add(struct json_writer *w, const struct ctl_reading *reading, const char *who)
{
	jw_object(w, NULL);
	jw_str(w, "who", who);
	jw_str(w, "kind", reading->digest ? "export" : "read");
	jw_str(w, "command", reading->command);
	jw_str(w, "customer", reading->customer);
	jw_opt_str(w, "invoice", reading->invoice);
	jw_opt_str(w, "for", reading->whom);
	jw_str(w, "records", reading->records);
	jw_opt_str(w, "digest", reading->digest);
	jw_end_object(w);
}

/* Also where JSON is asked for: nothing is read without a trace that nobody hears of. */
static void say_unrecorded(const struct ctl *ctl, const struct ctl_reading *reading, const char *why)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer w = jw_init(&out);

	if (ctl->view.json) {
		jw_object(&w, NULL);
		jw_str(&w, "warning", "not_recorded");
		jw_str(&w, "text", why);
		jw_end_object(&w);
	} else {
		buf_printf(&out, "dunningctl: NOT RECORDED in the trail that %s: ", reading->digest ? "this bundle was made" : "these records were read");
		view_clean(&out, why);
	}
	fprintf(stderr, "%s\n", buf_str(&out));
}

bool ctl_record_reading(struct ctl *ctl, const struct ctl_reading *reading)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json_writer w = jw_init(&body);
	struct json answer = { 0 }, text;
	int status = 0, r;

	if (!ctl->config && !ctl->call->globals[GLOBAL_SOCKET]) {
		say_unrecorded(ctl, reading, "no configuration says where the daemon is (--config, or --socket)");
		return false;
	}
	add(&w, reading, ctl_who(ctl));
	r = ctl_daemon(ctl, "POST", "/reading", &body, &status, &answer);
	text = json_get(&answer, "text");
	if (r == 0 && status == 200)
		return true;
	say_unrecorded(ctl, reading, r == -ENOENT || r == -ECONNREFUSED ? "the daemon, which alone writes there, is not running" :
				     r < 0				? strerror(-r) :
				     json_str(&text)			? json_str(&text) :
									  "the daemon refuses");
	return false;
}
