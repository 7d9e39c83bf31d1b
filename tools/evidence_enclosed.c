/*
 * What a bundle has beside its records: the documents that these name by their digest, and what the customer paid before. Both follow from the
 * trail of this debtor alone; a document is only what its digest says.
 */
#include <errno.h>
#include <string.h>

#include "common/case_file.h"
#include "common/utc.h"
#include "common/zone.h"
#include "daemon/documents.h"
#include "tools/evidence.h"

static void enclose(struct bundle *bundle, const char *dir, const char *sha256)
{
	struct attachment document = { 0 };
	const char *path = sha256 ? arena_printf(bundle->arena, "documents/%s.pdf", sha256) : NULL;

	if (!path || documents_read(dir, sha256, bundle->arena, &document, NULL) < 0) /* what is not at hand is not enclosed: its digest stands */
		return;
	for (size_t i = 0; i < bundle->count; i++)
		if (strcmp(bundle->files[i].path, path) == 0)
			return;
	bundle_add(bundle, path, document.data, document.len);
}

int evidence_add_documents(struct bundle *bundle, const char *dir, struct err *err)
{
	struct case_file *file = arena_alloc(bundle->arena, sizeof(*file));
	int r = dir ? case_file_read(bundle, file, err) : 0;

	for (size_t i = 0; dir && r == 0 && i < file->invoice_count; i++) {
		const struct case_invoice *one = &file->invoices[i];

		if (file->invoice && strcmp(one->id, file->invoice) != 0)
			continue;
		enclose(bundle, dir, one->state.snapshot.pdf_sha256);
		enclose(bundle, dir, one->state.snapshot.contract_sha256);
	}
	return r;
}

/* Minor units with the currency's own decimals: "1200.00 EUR". */
static const char *sum_text(struct arena *arena, int64_t minor, const char *currency)
{
	int decimals = currency_exponent(currency);
	int64_t unit = 1;

	for (int i = 0; i < decimals; i++)
		unit *= 10;
	return decimals > 0 ? arena_printf(arena, "%lld.%0*lld %s", (long long)(minor / unit), decimals, (long long)(minor % unit), currency) :
			      arena_printf(arena, "%lld %s", (long long)minor, currency);
}

static const char *day_text(struct arena *arena, date day)
{
	char text[DATE_TEXT_SIZE];

	return date_is_set(day) ? arena_strdup(arena, date_format(day, text)) : "-";
}

int evidence_add_history(const struct evidence_order *order, const char *debtor, struct bundle *bundle, struct err *err)
{
	struct bundle whole = { .arena = bundle->arena };
	struct evidence_order all = *order;
	struct case_file *file = arena_alloc(bundle->arena, sizeof(*file));
	CLEANUP(buf_clear) struct buf text = { 0 };
	const struct zone *zone = NULL;
	struct evidence_sum sum;
	size_t paid = 0, late = 0;
	int64_t days = 0;
	int r;

	all.debtor = debtor;
	all.invoice = all.withhold = NULL;
	all.leaves = false;
	r = evidence_collect(&all, &whole, &sum, err);
	bundle_sort(&whole);
	if (r < 0 || (r = case_file_read(&whole, file, err)) < 0)
		return r;
	if (zone_get(file->zone, &zone) < 0)
		return err_set(err, -EBADMSG, "unknown_zone", "", "%s is no time zone", file->zone);
	buf_printf(&text, "What customer %s paid before, as the creditor's trail has it: invoices closed as paid, in the order in which it tells of them.\n"
		"Days are those of %s. The records behind it are in a bundle of the whole file (dunningctl evidence --debtor).\n\n"
		"INVOICE\tISSUED\tDUE\tTOTAL\tPAID ON\tDAYS LATE\n", debtor, file->zone);
	for (size_t i = 0; i < file->invoice_count; i++) {
		const struct case_invoice *one = &file->invoices[i];
		int64_t at = invoice_last_payment_at(&one->state);
		/* A payment that was told before anybody knew whose invoice it is stands in no file of the debtor's; its day is not made up. */
		date on = at ? zone_date(zone, at) : date_none();
		int32_t after = date_is_set(on) && date_is_set(one->due_on) ? date_diff(on, one->due_on) : 0;

		if (!one->closed || strcmp(one->closed, "paid") != 0)
			continue;
		paid++;
		late += after > 0;
		days += after > 0 ? after : 0;
		buf_printf(&text, "%s\t%s\t%s\t%s\t%s\t%d\n", one->number ? one->number : one->id, day_text(bundle->arena, one->issued_on),
			day_text(bundle->arena, one->due_on), sum_text(bundle->arena, one->total, one->currency), day_text(bundle->arena, on),
			after > 0 ? after : 0);
	}
	buf_printf(&text, "\n%zu paid, %zu of them late, by %lld days in all\n", paid, late, (long long)days);
	bundle_add(bundle, "history.txt", text.data, text.len);
	return 0;
}
