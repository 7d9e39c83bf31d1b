/* The debtors' page as part of the instance. */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "common/token.h"
#include "daemon/instance_internal.h"

int instance_link(const struct control_link *link, struct arena *arena, const char **url, struct err *err, void *arg)
{
	struct instance *in = arg;
	const char *made;
	char link_id[LINK_ID_SIZE];

	if (!in->page)
		return err_set(err, -ENOENT, "no_page", "", "there is no debtors' page: page.listen is not configured");
	if (link->partition >= in->config->partitions)
		return err_set(err, -ENOENT, "no_partition", "", "there is no partition %lld", (long long)link->partition);
	made = debtor_page_link(in->page, (uint32_t)link->partition, link->invoice, arena);
	if (instance_record_link(in, link, page_link_id(strrchr(made, '/') + 1, link_id), err) < 0)
		return -EAGAIN;
	*url = made;
	log_line(in->log, LOG_NOTICE, "page", "a link was given out by hand, for invoice %s", link->invoice);
	return 0;
}

void instance_use_texts(struct instance *in, struct library *library, struct page_texts **texts)
{
	struct page_texts *old = in->setup.texts;

	in->setup.texts = TAKE(*texts);
	if (in->page)
		debtor_page_use(in->page, library, in->setup.texts);
	if (in->hooks)
		hooks_use(in->hooks, library, in->setup.texts);
	page_texts_free(old);
}

void instance_status_page(const struct instance *in, struct json_writer *w)
{
	struct debtor_page_counts counts;

	if (!in->page)
		return;
	counts = debtor_page_counts(in->page);
	jw_object(w, "page");
	jw_int(w, "shown", (int64_t)counts.shown);
	jw_int(w, "said", (int64_t)counts.said);
	jw_int(w, "refused", (int64_t)counts.refused);
	jw_int(w, "unsaved", (int64_t)counts.unsaved);
	jw_end_object(w);
}
