/* The dashboard as part of the instance. */
#include "daemon/instance_internal.h"

int instance_open_dashboard(struct instance *in, int64_t (*now)(void *arg), void (*note)(int priority, const char *line, void *arg), struct err *err)
{
	struct dashboard_settings settings = { .config = in->config, .redis = &in->setup.url, .journal = journal_port(in->journal), .keys = keystore_port(in->keys),
		.log_origin = in->generation.origin, .secret = setup_secret, .secret_arg = &in->setup, .now = now, .status = instance_status,
		.reading = instance_reading, .note = note, .arg = in };

	return dashboard_create(in->base, &settings, in->library, &in->dashboard, err);
}

bool instance_dashboard_page(struct evhttp_request *request, int64_t uid, void *arg)
{
	struct instance *in = arg;

	if (!in->dashboard || !dashboard_has(evhttp_request_get_uri(request)))
		return false;
	dashboard_serve(in->dashboard, request, uid < 0 ? INT64_MAX : uid); /* who reached the socket may */
	return true;
}

void instance_status_dashboard(const struct instance *in, struct json_writer *w)
{
	struct dashboard_counts counts;

	if (!in->dashboard)
		return;
	counts = dashboard_counts(in->dashboard);
	jw_object(w, "dashboard");
	jw_int(w, "shown", (int64_t)counts.shown);
	jw_int(w, "told", (int64_t)counts.told);
	jw_int(w, "refused", (int64_t)counts.refused);
	jw_end_object(w);
}
