/* PDFs are merged in a process of its own: dunningd's, as the daemon starts it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/merge_apart.h"

#define OBJECTS_MAX 100000
#define PROGRAM BUILD_DIR "/dunningd"

/* A file of objects: 1 is the catalog, 2 the root of its pages. */
struct maker {
	struct buf bytes;
	size_t at[OBJECTS_MAX], count;
};

static void object(struct maker *m, const char *text)
{
	if (m->bytes.len == 0)
		buf_add_str(&m->bytes, "%PDF-1.4\n");
	m->at[m->count++] = m->bytes.len;
	buf_printf(&m->bytes, "%zu 0 obj\n%s\nendobj\n", m->count, text);
}

static struct pdf_part finish(struct maker *m, const char *name)
{
	size_t table = m->bytes.len;

	buf_printf(&m->bytes, "xref\n0 %zu\n0000000000 65535 f \n", m->count + 1);
	for (size_t i = 0; i < m->count; i++)
		buf_printf(&m->bytes, "%010zu 00000 n \n", m->at[i]);
	buf_printf(&m->bytes, "trailer\n<< /Size %zu /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n", m->count + 1, table);
	return (struct pdf_part){ name, m->bytes.data, m->bytes.len };
}

static void clear(struct maker *m)
{
	buf_clear(&m->bytes);
	m->count = 0;
}

static struct pdf_part page(struct maker *m, const char *name)
{
	object(m, "<< /Type /Catalog /Pages 2 0 R >>");
	object(m, "<< /Type /Pages /Count 1 /Kids [3 0 R] >>");
	object(m, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << >> >>");
	return finish(m, name);
}

/* Each node of the pages has only the next one: whoever follows them by calls has no stack left. */
static struct pdf_part deep(struct maker *m)
{
	char text[64];

	object(m, "<< /Type /Catalog /Pages 2 0 R >>");
	for (size_t i = 2; i < OBJECTS_MAX; i++) {
		snprintf(text, sizeof(text), "<< /Type /Pages /Count 1 /Kids [%zu 0 R] >>", i + 1);
		object(m, text);
	}
	object(m, "<< /Type /Page /MediaBox [0 0 595 842] /Resources << >> >>");
	return finish(m, "deep.pdf");
}

static void the_same_as_here(void **state)
{
	CLEANUP(buf_clear) struct buf here = { 0 };
	CLEANUP(buf_clear) struct buf apart = { 0 };
	struct merge_apart process = { .program = PROGRAM };
	static struct maker one, two;
	struct pdf_part parts[] = { page(&one, "one.pdf"), page(&two, "two.pdf"), { "bad.pdf", "no", 2 } };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(pdf_merge(parts, 2, &here, &err), 0);
	assert_int_equal(merge_apart(parts, 2, &apart, &err, &process), 0);
	assert_int_equal(apart.len, here.len);
	assert_memory_equal(apart.data, here.data, here.len);
	assert_int_equal(merge_apart(parts, 3, &apart, &err, &process), -EBADMSG);
	assert_string_equal(err.code, "bad_pdf");
	assert_non_null(strstr(err.text, "bad.pdf cannot go into one PDF with others"));
	assert_int_equal(apart.len, here.len);
	process.program = "/nowhere/dunningd";
	assert_int_equal(merge_apart(parts, 2, &apart, &err, &process), -ENOENT);
	clear(&one);
	clear(&two);
}

static void a_hostile_one_ends_alone(void **state)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct merge_apart process = { .program = PROGRAM };
	static struct maker one, two;
	struct pdf_part parts[] = { page(&one, "one.pdf"), deep(&two) };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(merge_apart(parts, 2, &out, &err, &process), -EBADMSG);
	assert_string_equal(err.code, "bad_pdf");
	assert_non_null(strstr(err.text, "more time or memory"));
	assert_int_equal(out.len, 0);
	assert_int_equal(merge_apart(parts, 1, &out, &err, &process), -EAGAIN); /* many of them do not stop us either */
	process.rest_until = 0;
	assert_int_equal(merge_apart(parts, 1, &out, &err, &process), 0);
	clear(&one);
	clear(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_same_as_here), cmocka_unit_test(a_hostile_one_ends_alone) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
