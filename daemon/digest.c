/*
 * The owner's daily digest: at its hour all invoices and tasks are walked through, and one group releases the mail and notes its day in the
 * system case, in the same commit. So a kill leaves it not sent, or in doubt, and never sent twice; what certainly failed is tried again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/digest.h"
#include "common/hash.h"
#include "common/utc.h"
#include "daemon/flow.h"

#define AGAIN_MS (15 * MINUTE_MS)
#define TRIES_MAX 20 /* of one day's */
#define STEP "digest:"

struct digest_job {
	struct dunner *dunner;
	struct arena *arena; /* of the input that it becomes */
	struct digest digest;
	char cursor[32];
};

static const struct zone *zone_of(const struct dunner *d)
{
	const struct zone *zone = NULL;

	if (zone_get(d->config->digest_zone ? d->config->digest_zone : d->config->creditor.zone, &zone) < 0)
		(void)zone_get("UTC", &zone);
	return zone;
}

/* The next one: today's as long as it is owed, else tomorrow's. A daemon that never sent one begins with the next hour that comes. */
static void reckon(struct dunner *d)
{
	const struct zone *zone = zone_of(d);
	date today = zone_date(zone, flow_now(d));
	int64_t at = digest_at(zone, today, d->config->digest_at);

	if (d->digest_on.days >= today.days || (!date_is_set(d->digest_on) && at < flow_now(d)))
		at = digest_at(zone, date_add_days(today, 1), d->config->digest_at);
	d->digest_due = at;
}

void digest_known(struct dunner *d, const struct debtor *system)
{
	d->digest_on = system->digest_on;
	d->digest_due = 0;
}

static void job_end(struct dunner *d)
{
	if (d->digest)
		arena_free(d->digest->arena);
	d->digest = NULL;
}

void digest_free(struct dunner *d)
{
	job_end(d);
}

static void later(struct dunner *d)
{
	job_end(d);
	d->digest_due = flow_now(d) + MINUTE_MS;
	dunner_pump(d);
}

static void on_tasks(int r, const struct store_value *values, size_t count, void *arg)
{
	struct dunner *d = arg;
	struct digest_job *job = d->digest;
	struct input *input;

	if (!job)
		return;
	if (r < 0) {
		later(d);
		return;
	}
	for (size_t i = 0; i + 1 < count; i += 2) {
		struct json root = { 0 };
		const char *text = values[i + 1].data ? arena_memdup(job->arena, values[i + 1].data, values[i + 1].len) : NULL;

		if (text && json_parse(job->arena, text, values[i + 1].len, 0, &root, NULL) == 0)
			digest_task_read(&job->digest, &root);
	}
	input = arena_alloc(job->arena, sizeof(*input));
	input->kind = INPUT_DIGEST;
	input->arena = job->arena;
	input->digest = &job->digest;
	d->digest = NULL;
	d->digest_waits = true;
	flow_wait(d, input);
	dunner_pump(d);
}

static void walk(struct digest_job *job);

static void on_page(int r, const char *next, const char *const *keys, const struct store_value *values, size_t count, void *arg)
{
	struct dunner *d = arg;
	struct digest_job *job = d->digest;

	(void)keys;
	if (!job)
		return;
	if (r < 0) {
		later(d);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct escalation e;

		if (values[i].data && escalation_read(arena, values[i].data, values[i].len, &e, NULL) == 0)
			(void)digest_invoice(&job->digest, &e);
	}
	snprintf(job->cursor, sizeof(job->cursor), "%s", next);
	if (strcmp(next, "0") != 0)
		walk(job);
	else
		d->ports.store->hash(d->ports.store->self, key_of(job->arena, &d->keyspace, "tasks"), on_tasks, d);
}

static void walk(struct digest_job *job)
{
	struct dunner *d = job->dunner;

	d->ports.store->scan(d->ports.store->self, job->cursor, key_escalation(job->arena, &d->keyspace, "*"), on_page, d);
}

void digest_pump(struct dunner *d)
{
	struct arena *arena;

	if (!d->config->digest_email || d->digest || d->digest_waits || d->stopping || d->state != DUNNER_RUNNING || flow_holding(d))
		return;
	if (!d->digest_due)
		reckon(d);
	if (flow_now(d) < d->digest_due) {
		if (!d->next_due || d->digest_due < d->next_due)
			d->ports.clock->timer_at(d->ports.clock->self, d->digest_timer, d->digest_due);
		return;
	}
	arena = arena_create();
	d->digest = arena_alloc(arena, sizeof(*d->digest));
	d->digest->dunner = d;
	d->digest->arena = arena;
	snprintf(d->digest->cursor, sizeof(d->digest->cursor), "0");
	digest_begin(&d->digest->digest, arena, zone_of(d), zone_date(zone_of(d), flow_now(d)), d->payments_known_to);
	walk(d->digest);
}

static const char *step_of(struct arena *arena, date day)
{
	char text[DATE_TEXT_SIZE];

	return arena_printf(arena, STEP "%s", date_format(day, text));
}

static void write_digest(struct draft *draft, const char *key, const char *text)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	sha256(text, strlen(text), digest);
	jw_str(&draft->w, key, hex_format(digest, SHA256_SIZE, hex));
}

/* Its words name customers, whose files may be erased: the trail keeps their digests. In doubt it is not sent again. */
static void record(struct group *g, const struct message *m, struct release *release)
{
	struct draft *draft = effects_record(&g->fx, "attempt.intent", NULL);

	jw_str(&draft->w, "attempt", m->attempt_id);
	jw_str(&draft->w, "step", m->step);
	jw_str(&draft->w, "channel", channel_names[m->channel]);
	jw_str(&draft->w, "provider", m->provider);
	jw_str(&draft->w, "locale", m->locale);
	write_digest(draft, "recipient_sha256", m->to.email);
	write_digest(draft, "subject_sha256", m->subject);
	write_digest(draft, "text_sha256", m->text);
	write_digest(draft, "html_sha256", m->html);
	release->intent = draft;
}

void decide_digest(struct dunner *d, struct group *g, struct input *input)
{
	struct doc *system = group_case(d, g, NULL);
	struct digest *digest = input->digest;
	struct release *release = arena_alloc(g->arena, sizeof(*release));
	const struct sender *sender = config_sender(d->config, "default");
	const char *locale = d->config->digest_locale ? d->config->digest_locale : d->config->creditor.locale;
	struct message *m = &release->message;
	struct digest_text text;
	char id[ATTEMPT_ID_SIZE];

	d->digest_waits = false;
	if (system->d->digest_on.days >= digest->day.days && date_is_set(system->d->digest_on))
		return; /* another life sent it */
	digest_write(digest, locale, d->config->creditor.name, &text);
	*m = (struct message){ .channel = CHANNEL_EMAIL, .provider = d->config->channel_providers[CHANNEL_EMAIL][0], .debtor_id = SYSTEM_CASE,
		.step = step_of(g->arena, digest->day), .policy = "", .invoice_ids = arena_alloc(g->arena, sizeof(char *)), .written_at = flow_now(d),
		.locale = arena_strdup(g->arena, locale), .to = { .email = d->config->digest_email }, .subject = arena_strdup(g->arena, text.subject),
		.text = arena_strdup(g->arena, text.text), .html = arena_strdup(g->arena, text.html) };
	if (sender)
		m->from = (struct party){ sender->name, sender->email, sender->phone, sender->reply_to };
	attempt_id(d->settings.install_key, &(struct attempt_name){ .debtor = SYSTEM_CASE, .invoice = "", .step = m->step,
		.channel = channel_names[CHANNEL_EMAIL], .recipient = d->config->digest_email, .attempt_try = (uint32_t)system->d->digest_tries,
		.partition = d->settings.partition, .due_at = digest_at(digest->zone, digest->day, d->config->digest_at) }, id);
	m->attempt_id = arena_strdup(g->arena, id);
	record(g, m, release);
	release->entry = (struct attempt_entry){ .id = m->attempt_id, .debtor_id = SYSTEM_CASE, .step = m->step, .channel = channel_names[CHANNEL_EMAIL],
		.provider = m->provider, .invoice_ids = m->invoice_ids, .released_at = flow_now(d), .due_at = flow_now(d),
		.means = decide_means(d, m->provider, g->arena) };
	*g->releases_end = release;
	g->releases_end = &release->next;
	g->release_count++;
	system->d->digest_on = digest->day;
	system->touched = true;
	d->digest_on = digest->day;
	d->digest_due = 0;
}

/* What certainly did not go out is owed still, but not for ever: tomorrow there is another one. */
void digest_settled(struct dunner *d, struct group *g, const struct attempt_entry *entry, const struct outcome *outcome)
{
	struct doc *system = group_case(d, g, NULL);
	date day;

	if (strncmp(entry->step, STEP, strlen(STEP)) != 0 || date_parse(entry->step + strlen(STEP), &day) < 0)
		return;
	if (outcome->kind == OUTCOME_ACCEPTED)
		system->d->digest_tries = 0;
	if (outcome->kind == OUTCOME_ACCEPTED || outcome->kind == OUTCOME_IN_DOUBT || entry->in_doubt || day.days != system->d->digest_on.days)
		return;
	system->d->digest_tries++; /* another attempt has another id */
	if (outcome->kind != OUTCOME_CANCELLED && system->d->digest_tries % TRIES_MAX == 0) {
		dunner_log(d, LOG_ERR | MSG(DIGEST_UNSENT), "digest: that of %s could not be sent (%s)", entry->step + strlen(STEP), outcome->reason);
		return;
	}
	system->d->digest_on = d->digest_on = date_add_days(day, -1);
	d->digest_due = flow_now(d) + (outcome->kind == OUTCOME_CANCELLED ? SECOND_MS : AGAIN_MS);
}
