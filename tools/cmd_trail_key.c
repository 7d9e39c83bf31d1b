/* The key that signs the trail: made once, and shown as what others verify by. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/date.h"
#include "common/file.h"
#include "common/utc.h"
#include "daemon/log_key.h"
#include "tools/cmd.h"

static const char *key_text(struct ctl *ctl, const struct note_key *verifier, int year)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct note_key key;

	log_key_of_year(verifier, (uint16_t)year, &key);
	note_key_add(&text, &key);
	return arena_strdup(ctl->arena, buf_str(&text));
}

/* next: NULL: no rotation is under way. */
static void show_key(struct ctl *ctl, const struct note_key *verifier, const struct note_key *next, const char *file)
{
	struct fields *f = fields_create(ctl->arena);
	const char *own = key_text(ctl, verifier, 0), *pinned = ctl->config->trail_verifier_key;
	struct note_key present = *verifier; /* of the logs that are written now: another name after a sealing */
	int year, month, day;

	if (ctl->config->state_dir)
		(void)ctl_key_here(ctl, ctl->config->state_dir, &present);
	date_split((date){ (int32_t)(ctl->now / DAY_MS) }, &year, &month, &day); /* as the daemon does */
	fields_add(f, "origin", "Trail", cell_text(verifier->name));
	fields_add(f, "verifier_key", "Verifier key", cell_text(own));
	fields_add(f, "log_verifier_key", "This year's log", cell_text(key_text(ctl, &present, year)));
	fields_add(f, "pinned", "Pinned", cell_flag(pinned && strcmp(pinned, own) == 0));
	fields_add(f, "file", "Secret in", cell_text(file));
	if (next) {
		fields_add(f, "next_verifier_key", "Next key", cell_text(key_text(ctl, next, 0)));
		fields_add(f, NULL, "Note", cell_text("two keys sign. When others know the next one, and `dunningctl trail verify --key NEXT-KEY` is content: put "
						     "the secret of " LOG_KEY_NEXT_CREDENTIAL " in the place of " LOG_KEY_CREDENTIAL
						     ", the next key in that of trail.verifier_key, take both next ones out, and restart"));
	}
	if (!pinned)
		fields_add(f, NULL, "Note", cell_text("put the verifier key into the configuration (trail.verifier_key), and where others find it "
						     "before there is a dispute: your site, your general terms"));
	view_fields(&ctl->view, f);
}

/* --- new ---------------------------------------------------------------------------------------------------------------------------- */

/* A secret that was overwritten would leave a log that nobody can go on with: the file must not be there. */
static int write_new(const char *path, const struct buf *text)
{
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text->data, text->len) != (ssize_t)text->len)
		r = -EIO;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0)
		r = file_sync_dir(path);
	if (r < 0)
		(void)unlink(path);
	return r;
}

static void show_next(struct ctl *ctl, const struct note_key *next, const char *file)
{
	struct fields *f = fields_create(ctl->arena);

	fields_add(f, "origin", "Trail", cell_text(next->name));
	fields_add(f, "next_verifier_key", "Next key", cell_text(key_text(ctl, next, 0)));
	fields_add(f, "file", "Secret in", cell_text(file));
	fields_add(f, NULL, "Note", cell_text("put the next key into the configuration (trail.next_verifier_key), give the daemon the credential "
					     LOG_KEY_NEXT_CREDENTIAL " beside " LOG_KEY_CREDENTIAL ", and restart it: then both sign. Publish the next key"));
	view_fields(&ctl->view, f);
}

static int run_new(struct ctl *ctl, const struct invocation *call)
{
	const char *path = call->args[0];
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t seed[ED25519_SEED_SIZE];
	bool next = command_option(call, "next") != NULL;
	struct log_key key;
	char hex[2 * ED25519_SEED_SIZE + 1];
	int r = ctl_config(ctl, true);

	if (r != 0)
		return r;
	if (!path)
		path = arena_printf(ctl->arena, "%s/%s", ctl_credentials(ctl), next ? LOG_KEY_NEXT_CREDENTIAL : LOG_KEY_CREDENTIAL);
	random_bytes(seed, sizeof(seed));
	if (log_key_make(seed, ctl->config->origin, &key) < 0)
		return ctl_fail(ctl, EXIT_CONFIG, "bad_origin", "the origin \"%s\" cannot be the name of a key", ctl->config->origin);
	buf_reserve(&text, sizeof(hex) + 1); /* so that it is in one place */
	buf_printf(&text, "%s\n", hex_format(seed, sizeof(seed), hex));
	r = write_new(path, &text);
	cleanse(text.data, text.len);
	cleanse(hex, sizeof(hex));
	cleanse(seed, sizeof(seed));
	cleanse(key.seed, sizeof(key.seed));
	if (r == -EEXIST)
		return ctl_fail(ctl, EXIT_FOUND, "exists", "%s is there already, and a key is never overwritten%s", path,
			next ? "" : "; to rotate it: dunningctl trail key new --next");
	if (r < 0)
		return ctl_fail(ctl, EXIT_FOUND, "unwritable", "%s: %s", path, strerror(-r));
	if (next)
		show_next(ctl, &key.verifier, path);
	else
		show_key(ctl, &key.verifier, NULL, path);
	return EXIT_DONE;
}

static const struct option_row new_options[] = {
	{ "next", NULL, "the key that takes over from the present one: see ROTATING THE KEY in dunningd(8)" },
	{ 0 },
};

const struct command cmd_trail_key_new = { .name = "trail key new", .args = "[FILE]", .max_args = 1,
	.help = "make the key that signs the trail",
	.more = "Writes the secret (an Ed25519 seed, readable by its owner alone) into FILE, else into trail-log-key among the\n"
		"credentials (--next: trail-next-key), and prints the verifier key. A file that is there already stays. The daemon reads it as the credential\n"
		"trail-log-key; keep a copy elsewhere, and nowhere beside a copy of the state directory.",
	.options = new_options, .run = run_new };

/* --- show --------------------------------------------------------------------------------------------------------------------------- */

static int run_show(struct ctl *ctl, const struct invocation *call)
{
	struct log_key key = { 0 };
	struct err err = { 0 };
	int r = ctl_config(ctl, true);

	struct log_key_pins pins;

	(void)call;
	if (r != 0)
		return r;
	pins = (struct log_key_pins){ ctl->config->trail_verifier_key, ctl->config->trail_next_verifier_key };
	r = log_key_read(ctl_credentials_of(ctl, LOG_KEY_CREDENTIAL), ctl->config->origin, &pins, &key, &err);
	cleanse(key.seed, sizeof(key.seed));
	cleanse(key.next_seed, sizeof(key.next_seed));
	if (r == 0) {
		show_key(ctl, &key.verifier, key.rotating ? &key.next : NULL, NULL);
		return EXIT_DONE;
	}
	if (r == -ENOENT)
		return ctl_fail(ctl, EXIT_FOUND, "not_signed", "there is no key: the trail is not signed (dunningctl trail key new makes one)");
	/* Without the right to read the secret, what is pinned is known all the same. */
	if (strcmp(err.code, "log_key_other") == 0 || strcmp(err.code, "bad_key") == 0 || !ctl->config->trail_verifier_key ||
		note_key_parse(ctl->config->trail_verifier_key, &key.verifier) < 0)
		return ctl_fail_err(ctl, EXIT_CONFIG, &err);
	show_key(ctl, &key.verifier, NULL, NULL);
	return EXIT_DONE;
}

const struct command cmd_trail_key_show = { .name = "trail key show", .args = "",
	.help = "the verifier keys of the trail",
	.more = "The verifier key names the trail and is what trail.verifier_key pins. Each year's log has its own name, hence its own\n"
		"verifier key, over the same public key: programs for transparency logs take that one.",
	.run = run_show };
