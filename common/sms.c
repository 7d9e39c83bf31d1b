#include "common/sms.h"

#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

/* The default alphabet's characters beyond ASCII, ascending. */
static const uint16_t beyond_ascii[] = { 0x00a1, 0x00a3, 0x00a4, 0x00a5, 0x00a7, 0x00bf, 0x00c4, 0x00c5, 0x00c6, 0x00c7, 0x00c9, 0x00d1,
	0x00d6, 0x00d8, 0x00dc, 0x00df, 0x00e0, 0x00e4, 0x00e5, 0x00e6, 0x00e8, 0x00e9, 0x00ec, 0x00f1, 0x00f2, 0x00f6, 0x00f8, 0x00f9,
	0x00fc, 0x0393, 0x0394, 0x0398, 0x039b, 0x039e, 0x03a0, 0x03a3, 0x03a6, 0x03a8, 0x03a9 };

/* Septets of a character, 0 = not in the alphabet. */
static size_t septets(uint32_t c)
{
	if (c == 0x20ac || c == '\f' || (c < 0x80 && c && strchr("^{}\\[~]|", (int)c)))
		return 2;
	if (c == '\n' || c == '\r' || (c >= ' ' && c < 0x7f && c != '`'))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(beyond_ascii); i++)
		if (beyond_ascii[i] == c)
			return 1;
	return 0;
}

/* Takes one character; 0xfffd for a byte that begins none. */
static uint32_t next_char(const char **p, const char *end)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t len = utf8_len(*p, end);
	uint32_t c;

	if (len == 0) {
		(*p)++;
		return 0xfffd;
	}
	c = (unsigned char)**p & masks[len];
	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)(*p)[i] & 0x3f);
	*p += len;
	return c;
}

/* A character of two units is never cut in two by a part's end: it opens the next one, and a unit stays empty. */
static void add(size_t size, size_t room, size_t *units, size_t *left, size_t *parts)
{
	*units += size;
	if (*left < size) {
		*left = room;
		(*parts)++;
	}
	*left -= size;
}

struct sms_size sms_measure(const char *text)
{
	const char *end = text + strlen(text);
	size_t gsm_units = 0, gsm_parts = 0, gsm_left = 0, ucs_units = 0, ucs_parts = 0, ucs_left = 0;
	bool gsm7 = true;

	for (const char *p = text; p < end;) {
		uint32_t c = next_char(&p, end);
		size_t n = septets(c);

		gsm7 = gsm7 && n > 0;
		add(n, 153, &gsm_units, &gsm_left, &gsm_parts);
		add(c > 0xffff ? 2 : 1, 67, &ucs_units, &ucs_left, &ucs_parts);
	}
	if (gsm7)
		return (struct sms_size){ true, gsm_units, gsm_units > 0 && gsm_units <= 160 ? 1 : gsm_parts };
	return (struct sms_size){ false, ucs_units, ucs_units <= 70 ? 1 : ucs_parts };
}
