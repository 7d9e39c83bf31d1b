/* Who vouched for earlier states of the logs: time stamps of authorities, cosignatures of witnesses. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/bundle_check_internal.h"
#include "common/merkle.h"
#include "common/timestamp.h"
#include "common/utc.h"
#include "common/witness.h"

/* --- checkpoints ---------------------------------------------------------------------------------- */

/* That the log grew out of it: a consistency proof in the form of a request to a witness. */
static int check_grown(const struct checking *c, const struct log *log, const struct checkpoint *old)
{
	const struct bundle_file *file = bundle_find(c->bundle, arena_printf(c->arena, "log/%s/consistency/%" PRIu64 "-%" PRIu64, log->year, old->size,
							   log->checkpoint.size));
	struct witness_request *request = arena_alloc(c->arena, sizeof(*request));

	if (!file || witness_request_parse(file->data.data, file->data.len, request) < 0 || request->old != old->size ||
		request->checkpoint.len != log->note.len || memcmp(request->checkpoint.data, log->note.data, log->note.len) != 0)
		return -EBADMSG;
	return merkle_consistency_check(&request->proof, old->size, log->checkpoint.size, old->root, log->checkpoint.root);
}

/* log/<year>/anchored/<size>/checkpoint: signed by the log's key, and the log grew out of it. */
static int check_anchor(struct checking *c, struct log *log, const struct bundle_file *file)
{
	struct anchored a = { .log = log, .note = file->data };
	struct note_seal seal;
	struct note note;

	if (note_parse(a.note.data, a.note.len, &note) < 0 || note_verify(&note, &log->key, 1, &seal) < 0 ||
		checkpoint_parse(note.text.data, note.text.len, &a.checkpoint) < 0 || a.checkpoint.origin.len != strlen(log->origin) ||
		memcmp(a.checkpoint.origin.data, log->origin, a.checkpoint.origin.len) != 0 || !a.checkpoint.size ||
		strcmp(file->path, arena_printf(c->arena, "log/%s/anchored/%" PRIu64 "/checkpoint", log->year, a.checkpoint.size)) != 0)
		return check_refuse(c, "anchored", file->path, arena_printf(c->arena, "%s is no checkpoint of this log", file->path));
	if (a.checkpoint.size == log->checkpoint.size ? memcmp(a.checkpoint.root, log->checkpoint.root, SHA256_SIZE) != 0 :
							check_grown(c, log, &a.checkpoint) < 0)
		return check_refuse(c, "anchored", file->path, arena_printf(c->arena, "the log did not grow out of %s, or the proof is missing", file->path));
	a.folder = arena_printf(c->arena, "log/%s/anchored/%" PRIu64, log->year, a.checkpoint.size);
	c->anchors = arena_grow(c->arena, c->anchors, c->anchor_count, &c->anchor_capacity, sizeof(*c->anchors));
	c->anchors[c->anchor_count++] = a;
	return 0;
}

static bool ends(const char *path, const char *with)
{
	size_t len = strlen(path), n = strlen(with);

	return len >= n && strcmp(path + len - n, with) == 0;
}

static void reach(uint64_t *largest, const struct anchored *a)
{
	if (*largest < a->checkpoint.size)
		*largest = a->checkpoint.size;
}

/* "tsa-1.pem", beside "tsa-1.tsr"; empty = it is not there. */
static struct slice beside(const struct checking *c, const struct bundle_file *file, const char *suffix)
{
	size_t stem = (size_t)(strrchr(file->path, '.') - file->path);
	const struct bundle_file *found = bundle_find(c->bundle, arena_printf(c->arena, "%.*s%s", (int)stem, file->path, suffix));

	return found ? found->data : (struct slice){ 0 };
}

static void say_once(struct checking *c, const char *name, enum check_state state, const char *text)
{
	for (size_t i = 0; i < c->once_count; i++)
		if (strcmp(c->once[i], text) == 0)
			return;
	c->once = arena_grow(c->arena, c->once, c->once_count, &c->once_capacity, sizeof(*c->once));
	c->once[c->once_count++] = text;
	check_say(c, name, state, text);
}

/* --- time stamps: RFC 3161 ------------------------------------------------------------------------ */

/* As openssl x509 -fingerprint -sha256 prints it. */
static const char *fingerprint(const struct checking *c, const uint8_t digest[SHA256_SIZE])
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	for (size_t i = 0; i < SHA256_SIZE; i++)
		buf_printf(&text, "%s%02X", i ? ":" : "", digest[i]);
	return arena_strdup(c->arena, buf_str(&text));
}

/* Whose authority it is, the bundle cannot say: the root certificate in it could be anyone's. One line for each root. */
static int check_root(struct checking *c, const struct bundle_file *file, const struct timestamp *stamp)
{
	const char *print = fingerprint(c, stamp->root);

	for (size_t i = 0; i < c->how->root_count; i++)
		if (memcmp(c->how->roots[i], stamp->root, SHA256_SIZE) == 0) {
			say_once(c, "root", CHECK_GOOD, arena_printf(c->arena, "stamps go back to a root given, SHA-256 fingerprint %s", print));
			return 0;
		}
	if (c->how->root_count)
		return check_refuse(c, "root", file->path, arena_printf(c->arena, "%s goes back to none of the roots given, but to one with the SHA-256 "
										  "fingerprint %s", file->path, print));
	say_once(c, "root", CHECK_NOT, arena_printf(c->arena, "not compared: stamps go back to a root certificate that only the bundle itself vouches "
							      "for; compare its SHA-256 fingerprint with what the authority publishes, or give it (--root): %s",
					       print));
	return 0;
}

static int check_stamp(struct checking *c, const struct anchored *a, const struct bundle_file *file)
{
	struct slice query = beside(c, file, ".tsq"), pem = beside(c, file, ".pem");
	struct timestamp_wanted wanted = { .tolerance_ms = -1, .crl = beside(c, file, ".crl") };
	CLEANUP(timestamp_trust_freep) struct timestamp_trust *trust = NULL;
	uint8_t digest[SHA256_SIZE];
	struct timestamp stamp;
	char at[UTC_TEXT_SIZE];
	struct err err = { 0 };

	sha256(a->note.data, a->note.len, digest);
	if (!query.len || timestamp_query_parse(query.data, query.len, &wanted.query) < 0)
		return check_refuse(c, "stamp", file->path, arena_printf(c->arena, "%s: the request that it answers is missing, or cannot be read", file->path));
	if (memcmp(wanted.query.imprint, digest, SHA256_SIZE) != 0)
		return check_refuse(c, "stamp", file->path, arena_printf(c->arena, "%s was asked for other bytes than the checkpoint beside it", file->path));
	if (timestamp_trust_parse(pem.data, pem.len, &trust, &err) < 0)
		return check_refuse(c, "stamp", file->path, arena_printf(c->arena, "%s: the file of its authority's certificates %s", file->path,
									pem.len ? err.text : "is missing"));
	wanted.trust = trust;
	if (timestamp_check(file->data.data, file->data.len, &wanted, &stamp, &err) < 0)
		return check_refuse(c, "stamp", file->path, arena_printf(c->arena, "%s: %s", file->path, err.text));
	check_good(c, "stamp", arena_printf(c->arena, "%s: %" PRIu64 " records of %s stood at %s, signed by %s, whose certificate was valid then and is for "
						      "time stamps", file->path, a->checkpoint.size, a->log->origin, utc_format(stamp.at, at), stamp.authority));
	if (wanted.crl.len)
		check_good(c, "revocation", arena_printf(c->arena, "%s: the certificate was not on its issuer's list of revoked ones of that day", file->path));
	else
		check_say(c, "revocation", CHECK_NOT, arena_printf(c->arena, "%s: revocation not checked: no list of revoked certificates of that day is "
									     "enclosed", file->path));
	reach(&a->log->stamped, a);
	return check_root(c, file, &stamp);
}

/* --- cosignatures: C2SP tlog-cosignature ------------------------------------------------------------- */

static const char *key_text(const struct checking *c, const struct note_key *key)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	note_key_add(&text, key);
	return arena_strdup(c->arena, buf_str(&text));
}

/* The key kept beside it: "name+id+key\n". False: there is none. */
static bool enclosed_key(const struct checking *c, const struct bundle_file *file, struct note_key *ret, int *r)
{
	struct slice text = beside(c, file, ".vkey");
	char *line = text.len ? arena_memdup(c->arena, text.data, text.len) : NULL, *end = line ? strchr(line, '\n') : NULL;

	*r = -EBADMSG;
	if (!line)
		return false;
	if (end && end[1] == '\0' && (size_t)(end + 1 - line) == text.len) {
		*end = '\0';
		*r = note_key_parse(line, ret);
	}
	return true;
}

static bool signed_by(const struct note *note, const struct note_key *key, struct note_seal *seal)
{
	return key->type == NOTE_COSIGNATURE && note_verify(note, key, 1, seal) == 0;
}

static int cosigned(struct checking *c, const struct anchored *a, const struct bundle_file *file, const struct note_key *key,
	const struct note_seal *seal)
{
	char at[UTC_TEXT_SIZE];

	if (seal->time > INT64_MAX / SECOND_MS)
		return check_refuse(c, "witness", file->path, arena_printf(c->arena, "%s: its time cannot be", file->path));
	check_good(c, "witness", arena_printf(c->arena, "%s: %s signed that %" PRIu64 " records of %s were the largest tree it had seen at %s, and that "
							"it grew out of all before", file->path, key->name, a->checkpoint.size, a->log->origin,
				utc_format((int64_t)seal->time * SECOND_MS, at)));
	reach(&a->log->witnessed, a);
	return 0;
}

static int check_cosigned(struct checking *c, const struct anchored *a, const struct bundle_file *file)
{
	struct note_seal seal;
	struct note_key key;
	struct note note;
	int r;

	if (file->data.len <= a->note.len || memcmp(file->data.data, a->note.data, a->note.len) != 0 ||
		note_parse(file->data.data, file->data.len, &note) < 0)
		return check_refuse(c, "witness", file->path, arena_printf(c->arena, "%s is not of the checkpoint beside it", file->path));
	for (size_t i = 0; i < c->how->witness_count; i++)
		if (signed_by(&note, &c->how->witnesses[i], &seal)) {
			say_once(c, "witness_key", CHECK_GOOD, arena_printf(c->arena, "the key of %s is one given", c->how->witnesses[i].name));
			return cosigned(c, a, file, &c->how->witnesses[i], &seal);
		}
	if (c->how->witness_count)
		return check_refuse(c, "witness_key", file->path, arena_printf(c->arena, "%s is signed by none of the witnesses' keys given", file->path));
	if (!enclosed_key(c, file, &key, &r)) {
		c->unchecked++;
		check_say(c, "witness", CHECK_NOT, arena_printf(c->arena, "%s was not checked: the witness's key is not enclosed; give it (--witness)",
							   file->path));
		return 0;
	}
	if (r < 0 || !signed_by(&note, &key, &seal))
		return check_refuse(c, "witness", file->path, arena_printf(c->arena, "%s is not signed by the witness whose key is beside it", file->path));
	say_once(c, "witness_key", CHECK_NOT, arena_printf(c->arena, "not compared: that this is the key of %s says only the bundle itself; compare it with "
								     "what the witness publishes, or give it (--witness): %s", key.name, key_text(c, &key)));
	return cosigned(c, a, file, &key, &seal);
}

/* --- all of them ------------------------------------------------------------------------------------- */

static const struct anchored *anchor_of(const struct checking *c, const char *path)
{
	for (size_t i = 0; i < c->anchor_count; i++) {
		size_t len = strlen(c->anchors[i].folder);

		if (strncmp(path, c->anchors[i].folder, len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/'))
			return &c->anchors[i];
	}
	return NULL;
}

static bool below_anchored(const char *path)
{
	return strncmp(path, "log/", 4) == 0 && strstr(path, "/anchored/");
}

int check_anchors(struct checking *c)
{
	static const struct {
		const char *suffix;
		int (*check)(struct checking *c, const struct anchored *a, const struct bundle_file *file);
	} kinds[] = { { ".tsr", check_stamp }, { ".cosigned", check_cosigned } };
	int r = 0;

	for (size_t i = 0; i < c->bundle->count && r == 0; i++)
		for (size_t k = 0; k < c->log_count && r == 0; k++) {
			const struct bundle_file *file = &c->bundle->files[i];
			const char *folder = arena_printf(c->arena, "log/%s/anchored/", c->logs[k].year);

			if (strncmp(file->path, folder, strlen(folder)) == 0 && ends(file->path, "/checkpoint"))
				r = check_anchor(c, &c->logs[k], file);
		}
	for (size_t i = 0; i < c->bundle->count && r == 0; i++) {
		const struct bundle_file *file = &c->bundle->files[i];
		const struct anchored *a = below_anchored(file->path) ? anchor_of(c, file->path) : NULL;

		if (below_anchored(file->path) && !a)
			return check_refuse(c, "anchored", file->path, arena_printf(c->arena, "%s speaks of no checkpoint of these logs", file->path));
		for (size_t k = 0; a && k < ARRAY_LEN(kinds) && r == 0; k++)
			if (ends(file->path, kinds[k].suffix))
				r = kinds[k].check(c, a, file);
	}
	return r;
}

static void say_reach(const struct checking *c, const char *name, size_t count, const char *by)
{
	check_good(c, name, arena_printf(c->arena, "%zu of the %zu records are in a checkpoint that %s", count, c->all, by));
	if (count < c->all)
		check_say(c, name, CHECK_NOT, arena_printf(c->arena, "not %s: %zu records are younger than the last such checkpoint", name, c->all - count));
}

void check_say_anchors(const struct checking *c)
{
	if (c->stamped)
		say_reach(c, "anchored", c->stamped, "an authority stamped");
	else
		check_say(c, "anchored", CHECK_NOT, "not anchored: no time stamp of a third party in the bundle speaks of these records");
	if (c->witnessed)
		say_reach(c, "witnessed", c->witnessed, "a witness signed");
	else
		check_say(c, "witnessed", CHECK_NOT, c->unchecked ? "not witnessed: no signature of a witness could be checked" :
								    "not witnessed: no third party signed the checkpoint");
}
