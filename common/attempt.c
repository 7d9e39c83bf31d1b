#include "common/attempt.h"

#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/hash.h"

const char *const outcome_names[OUTCOME_COUNT + 1] = { "accepted", "refused", "throttled",
	"temporary", "in_doubt", "cancelled", NULL };
const char *const scope_names[SCOPE_COUNT + 1] = { "message", "recipient", "provider", NULL };

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* Length before bytes: no two different names give the same input, whatever the fields contain. */
static void add_field(struct buf *buf, const char *field)
{
	size_t len = field ? strlen(field) : 0;

	buf_add_u32be(buf, field ? (uint32_t)len : UINT32_MAX);
	buf_add(buf, field ? field : "", len);
}

void attempt_id(const uint8_t install_key[32], const struct attempt_name *name,
	char ret[ATTEMPT_ID_SIZE])
{
	CLEANUP(buf_clear) struct buf input = { 0 };
	uint8_t mac[SHA256_SIZE];
	uint64_t high, low;

	add_field(&input, "dunningd attempt 1");
	add_field(&input, name->debtor);
	add_field(&input, name->invoice);
	add_field(&input, name->step);
	add_field(&input, name->channel);
	add_field(&input, name->recipient);
	buf_add_u32be(&input, name->attempt_try);
	hmac_sha256(install_key, 32, input.data, input.len, mac);

	/* 48 bits instant | 10 bits partition | the MAC's first 70 bits: 6 end the high half, 64 are the low one. */
	high = ((uint64_t)name->due_at & 0xffffffffffffu) << 16 |
		(uint64_t)(name->partition & 0x3ffu) << 6 | (uint64_t)(mac[0] >> 2);
	low = (uint64_t)mac[0] << 62 | read_u64be(mac + 1) >> 2;
	ret[ATTEMPT_ID_SIZE - 1] = '\0';
	for (int i = ATTEMPT_ID_SIZE - 2; i >= 0; i--) {
		ret[i] = crockford[low & 31];
		low = low >> 5 | high << 59;
		high >>= 5;
	}
}

uint32_t attempt_partition(const char *id)
{
	uint64_t high = 0; /* its first 13 characters hold the 65 bits down to the low half's first: 48 instant, 10 partition, 7 more */

	for (int i = 0; i < 13 && id[i]; i++) {
		const char *at = strchr(crockford, id[i]);

		high = high << 5 | (at ? (uint64_t)(at - crockford) : 0);
	}
	return (uint32_t)(high >> 5) & 0x3ffu;
}
