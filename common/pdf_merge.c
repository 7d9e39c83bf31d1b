#include "common/pdf_merge.h"

#include <errno.h>
#include <stdlib.h>

#include <qpdf/qpdf-c.h>

#include "common/cleanup.h"
#include "common/lazy.h"

#define PAGES_MAX 500 /* of all parts: more than any printer folds. No bound for what a hostile file costs: counting them may be the cost */

#define QPDF_FUNCTIONS(X) \
	X(qpdf_, add_page) X(qpdf_, cleanup) X(qpdf_, get_buffer) X(qpdf_, get_buffer_length) X(qpdf_, get_error) \
	X(qpdf_, get_error_message_detail) X(qpdf_, get_num_pages) X(qpdf_, get_page_n) X(qpdf_, has_error) X(qpdf_, init) \
	X(qpdf_, init_write_memory) X(qpdf_, read_memory) X(qpdf_, set_deterministic_ID) X(qpdf_, set_suppress_warnings) X(qpdf_, silence_errors) \
	X(qpdf_, write)

static struct {
	QPDF_FUNCTIONS(LAZY_MEMBER)
} qpdf;

static int load(struct err *err)
{
	static const char *const names[] = { QPDF_FUNCTIONS(LAZY_NAME) };
	static struct lazy lazy = { QPDF_LIBRARY, "libqpdf", names, &qpdf, sizeof(names) / sizeof(*names), false };

	return lazy_load(&lazy, err);
}

static void close_pdf(qpdf_data *pdf)
{
	if (*pdf)
		qpdf.cleanup(pdf);
}

/* The first thing that libqpdf complains of. */
static int refuse(qpdf_data pdf, const char *name, struct err *err)
{
	qpdf_error e = qpdf.has_error(pdf) ? qpdf.get_error(pdf) : NULL;
	const char *why = e ? qpdf.get_error_message_detail(pdf, e) : "it cannot be read";

	return err_set(err, -EBADMSG, "bad_pdf", "", "%.100s cannot go into one PDF with others: %.200s", name, why);
}

static int open_pdf(const struct pdf_part *part, qpdf_data *ret, struct err *err)
{
	qpdf_data pdf = *ret = qpdf.init();

	qpdf.set_suppress_warnings(pdf, QPDF_TRUE);
	qpdf.silence_errors(pdf);
	if (qpdf.read_memory(pdf, part->name, part->data, part->len, NULL) & QPDF_ERRORS)
		return refuse(pdf, part->name, err);
	if (qpdf.get_num_pages(pdf) < 1 || qpdf.has_error(pdf))
		return refuse(pdf, part->name, err);
	return 0;
}

/* Whole files are shared between the two, so `from` must live until `to` is written. */
static int add_pages(qpdf_data to, qpdf_data from, const struct pdf_part *part, struct err *err)
{
	int count = qpdf.get_num_pages(from);

	if (count + qpdf.get_num_pages(to) > PAGES_MAX)
		return err_set(err, -EBADMSG, "too_long", "", "with %.100s it would have more than %d pages", part->name, PAGES_MAX);
	for (int i = 0; i < count; i++) {
		qpdf_oh page = qpdf.get_page_n(from, (size_t)i);

		if (qpdf.has_error(from))
			return refuse(from, part->name, err);
		if (qpdf.add_page(to, from, page, QPDF_FALSE) & QPDF_ERRORS)
			return refuse(to, part->name, err);
	}
	return 0;
}

static int write_pdf(qpdf_data pdf, struct buf *out, struct err *err)
{
	if (qpdf.init_write_memory(pdf) & QPDF_ERRORS)
		return refuse(pdf, "the whole", err);
	qpdf.set_deterministic_ID(pdf, QPDF_TRUE);
	if (qpdf.write(pdf) & QPDF_ERRORS)
		return refuse(pdf, "the whole", err);
	buf_add(out, qpdf.get_buffer(pdf), qpdf.get_buffer_length(pdf));
	return 0;
}

int pdf_merge(const struct pdf_part *parts, size_t count, struct buf *out, struct err *err)
{
	qpdf_data *open = xcalloc(count + 1, sizeof(*open));
	int r = load(err);

	for (size_t i = 0; i < count && r == 0; i++) {
		r = open_pdf(&parts[i], &open[i], err);
		if (r == 0 && i > 0)
			r = add_pages(open[0], open[i], &parts[i], err);
	}
	if (r == 0)
		r = write_pdf(open[0], out, err);
	for (size_t i = 0; i < count; i++)
		close_pdf(&open[i]);
	free(open);
	return r;
}
