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

#define OBJECTS_MAX 1000001
#define DEPTH 100000
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
	for (size_t i = 2; i < DEPTH; i++) {
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

/* The page tree leads back into itself, and the page's resources to themselves. */
static void cyclic(struct maker *m)
{
	object(m, "<< /Type /Catalog /Pages 2 0 R >>");
	object(m, "<< /Type /Pages /Count 2 /Kids [3 0 R 2 0 R] /Parent 2 0 R >>");
	object(m, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources 4 0 R >>");
	object(m, "<< /XObject << /X 4 0 R >> /Again 4 0 R >>");
}

static void with_stream(struct maker *m, const char *length)
{
	char text[120];

	object(m, "<< /Type /Catalog /Pages 2 0 R >>");
	object(m, "<< /Type /Pages /Count 1 /Kids [3 0 R] >>");
	object(m, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << >> /Contents 4 0 R >>");
	snprintf(text, sizeof(text), "<< /Length %s >>\nstream\nq Q\nendstream", length);
	object(m, text);
}

static void far_too_long(struct maker *m)
{
	with_stream(m, "99999999999");
}

static void length_of_itself(struct maker *m)
{
	with_stream(m, "4 0 R");
}

static void crowded(struct maker *m)
{
	with_stream(m, "3");
	while (m->count < OBJECTS_MAX - 1)
		object(m, "0");
}

struct bits {
	struct buf *to;
	uint32_t held;
	int count;
};

/* `code` has its first bit on top, as a Huffman code has. */
static void put_bits(struct bits *b, uint32_t code, int count)
{
	while (count--) {
		b->held |= (code >> count & 1) << b->count;
		if (++b->count == 8) {
			buf_add_char(b->to, (char)b->held);
			b->held = 0;
			b->count = 0;
		}
	}
}

/* RFC 1951 with its fixed codes: a zero, then the same 258 bytes again and again, a gigabyte out of six megabytes. */
static void bomb_bytes(struct buf *out)
{
	struct bits b = { .to = out };

	buf_add_char(out, 0x78);
	buf_add_char(out, 0x01);
	put_bits(&b, 1, 1); /* the last block */
	put_bits(&b, 2, 2); /* 01, its lower bit first */
	put_bits(&b, 0x30, 8); /* literal 0 */
	for (size_t i = 0; i < (size_t)4 * 1024 * 1024; i++) {
		put_bits(&b, 0xc5, 8); /* length 258 */
		put_bits(&b, 0, 5); /* distance 1 */
	}
	put_bits(&b, 0, 7); /* end of the block */
	put_bits(&b, 0, 7);
}

/* The table of objects itself is the bomb: it is unpacked before anything else is known. */
static struct pdf_part bomb(struct maker *m)
{
	CLEANUP(buf_clear) struct buf packed = { 0 };
	size_t table;

	bomb_bytes(&packed);
	with_stream(m, "3");
	table = m->bytes.len;
	buf_printf(&m->bytes, "5 0 obj\n<< /Type /XRef /Size 6 /W [1 8 2] /Root 1 0 R /Filter /FlateDecode /Length %zu >>\nstream\n", packed.len);
	buf_add(&m->bytes, packed.data, packed.len);
	buf_printf(&m->bytes, "\nendstream\nendobj\nstartxref\n%zu\n%%%%EOF\n", table);
	return (struct pdf_part){ "bomb.pdf", m->bytes.data, m->bytes.len };
}

/* 40-bit RC4 with a password that nobody here knows. */
static struct pdf_part encrypted(struct maker *m)
{
	struct pdf_part part = page(m, "encrypted.pdf");
	const char *trailer = strstr(buf_str(&m->bytes), "trailer\n<< ");
	CLEANUP(buf_clear) struct buf tail = { 0 };
	char key[65];

	(void)part;
	memset(key, 'a', 64);
	key[64] = '\0';
	buf_add_str(&tail, trailer + strlen("trailer\n<< "));
	m->bytes.len = (size_t)(trailer - buf_str(&m->bytes));
	buf_printf(&m->bytes, "trailer\n<< /ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >> %s", key, key, buf_str(&tail));
	return (struct pdf_part){ "encrypted.pdf", m->bytes.data, m->bytes.len };
}

/* In the middle of its only page. */
static struct pdf_part truncated(struct maker *m)
{
	struct pdf_part part = page(m, "truncated.pdf");

	part.len = (size_t)(strstr(buf_str(&m->bytes), "/MediaBox") - buf_str(&m->bytes));
	return part;
}

static struct pdf_part made(struct maker *m, void (*make)(struct maker *m), const char *name)
{
	make(m);
	return finish(m, name);
}

/* Each is refused or, where it can be mended, taken: in time, and the next one is merged as ever. */
static void other_hostile_ones(void **state)
{
	static struct maker one, two;
	struct pdf_part good = page(&one, "one.pdf");

	(void)state;
	for (int kind = 0; kind < 7; kind++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct merge_apart process = { .program = PROGRAM };
		struct pdf_part parts[2] = { good };
		struct err err = { 0 };
		int r;

		switch (kind) {
		case 0: parts[1] = made(&two, cyclic, "cyclic.pdf"); break;
		case 1: parts[1] = made(&two, far_too_long, "far_too_long.pdf"); break;
		case 2: parts[1] = made(&two, length_of_itself, "length_of_itself.pdf"); break;
		case 3: parts[1] = made(&two, crowded, "crowded.pdf"); break;
		case 4: parts[1] = bomb(&two); break;
		case 5: parts[1] = encrypted(&two); break;
		default: parts[1] = truncated(&two); break;
		}
		r = merge_apart(parts, 2, &out, &err, &process);
		print_message("%s: %d %s %s\n", parts[1].name, r, err.code, err.text);
		assert_true(r == 0 ? out.len > 0 : r == -EBADMSG && strcmp(err.code, "bad_pdf") == 0 && out.len == 0);
		process.rest_until = 0;
		assert_int_equal(merge_apart(parts, 1, &out, &err, &process), 0);
		clear(&two);
	}
	clear(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_same_as_here), cmocka_unit_test(a_hostile_one_ends_alone),
		cmocka_unit_test(other_hostile_ones) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
