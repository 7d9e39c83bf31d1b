/*
 * Whose Redis it is. A random word stands in Redis beside the instances, and in each one's state directory: where they differ it is another book's
 * database. Where Redis has none any more it has lost everything. Then an instance that was always alone makes it again from its journal; of
 * several each has but a part of the history, and a person puts them together.
 */
#include "daemon/instance_internal.h"

#include <errno.h>
#include <string.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/json.h"

#define BOOK_FILE_MAX 65536

static const char *path(const struct instance *in)
{
	return arena_printf(in->setup.arena, "%s/book", in->config->state_dir);
}

void instance_book_write(struct instance *in)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);
	int r;

	if (!in->book.id[0])
		return;
	jw_object(&w, NULL);
	jw_int(&w, "v", 1);
	jw_str(&w, "book", in->book.id);
	jw_bool(&w, "shared", in->book.shared);
	jw_array(&w, "epochs");
	for (int64_t p = 0; p < in->config->partitions; p++)
		jw_int(&w, NULL, (int64_t)in->book.epochs[p]);
	jw_end_array(&w);
	jw_end_object(&w);
	buf_add_char(&text, '\n');
	r = file_replace(path(in), buf_str(&text), text.len, 0600);
	if (r < 0 && !in->book.unwritten)
		log_line(in->log, LOG_ERR | MSG(STATE_FILE), "dunningd", "%s cannot be written: %s", path(in), strerror(-r));
	in->book.unwritten = r < 0; /* tried again with each announcement */
}

int instance_book_open(struct instance *in, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t fresh[BOOK_DIGITS / 2];
	struct json root, id, shared, epochs;
	int r = file_read(path(in), BOOK_FILE_MAX, &text, NULL);

	random_bytes(fresh, sizeof(fresh));
	hex_format(fresh, sizeof(fresh), in->book.fresh);
	in->book.epochs = arena_alloc(in->setup.arena, (size_t)in->config->partitions * sizeof(*in->book.epochs));
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(err, r, "unreadable", "", "%s: %s", path(in), strerror(-r));
	if (json_parse(in->setup.arena, buf_str(&text), text.len, 0, &root, err) < 0)
		return err_set(err, -EBADMSG, "bad_book", "", "%s is damaged: delete it, if this state directory is of this Redis", path(in));
	id = json_get(&root, "book");
	shared = json_get(&root, "shared");
	if (json_str(&id) && strlen(json_str(&id)) == BOOK_DIGITS)
		memcpy(in->book.id, json_str(&id), BOOK_DIGITS + 1);
	in->book.shared = json_bool(&shared);
	epochs = json_get(&root, "epochs");
	for (size_t p = 0; p < json_len(&epochs) && p < (size_t)in->config->partitions; p++) {
		struct json one = json_at(&epochs, p);

		in->book.epochs[p] = (uint64_t)json_int(&one);
	}
	return 0;
}

const char *instance_book_offer(const struct instance *in, bool heard)
{
	if (!in->book.id[0])
		return heard ? in->book.fresh : ""; /* who knows one speaks first */
	return in->book.shared ? "" : in->book.id;
}

void instance_book_shared(struct instance *in)
{
	if (in->book.shared)
		return;
	in->book.shared = true;
	instance_book_write(in);
}

bool instance_book_heard(struct instance *in, const char *id)
{
	bool lost = in->book.id[0] && !*id;

	if (lost && !in->book.lost)
		log_line(in->log, LOG_ERR | MSG(REDIS_LOST), "dunningd", "Redis has lost what it had, and no instance's journal has all of it: dunningctl instances rebuild");
	in->book.lost = lost;
	if (!*id || strcmp(id, in->book.id) == 0)
		return true;
	if (in->book.id[0]) {
		log_line(in->log, LOG_CRIT | MSG(CANNOT_START), "dunningd", "this Redis has another book under %s than %s was with: look at redis.url and prefix; "
			"if it is right nevertheless, delete %s", in->config->prefix, in->config->state_dir, path(in));
		instance_give_up(in, INSTANCE_CONFIG);
		return false;
	}
	memcpy(in->book.id, id, BOOK_DIGITS + 1);
	instance_book_write(in);
	return true;
}
