/*
 * One message by hand, to see whether a provider takes it. It concerns no debtor and no invoice, so it is outside of every case and of
 * every cap; the trail's system case has it twice: who sent one and through which provider, before it leaves, and what became of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/hash.h"
#include "daemon/instance_internal.h"

struct provider_test {
	struct instance *instance;
	struct arena *arena;
	enum { TEST_RECORDING, TEST_SENDING, TEST_DONE } state;
	const char *who, *digest;
	struct message message;
	struct outcome outcome;
};

static const char *const state_words[] = { "recording", "sending", "done" };

static void record(struct provider_test *test, const char *kind, void (*done)(const struct dunner_record *, void *))
{
	const struct message *m = &test->message;
	struct dunner_record record = { .kind = kind, .who = test->who, .done = done, .arg = test,
		.members = { { "attempt", m->attempt_id, 0 }, { "provider", m->provider, 0 }, { "channel", channel_names[m->channel], 0 },
			{ "address_sha256", test->digest, 0 } }, .count = 4 };

	if (test->state == TEST_DONE) {
		record.members[record.count++].key = "outcome";
		record.members[record.count - 1].text = outcome_names[test->outcome.kind];
		record.members[record.count++].key = "reason";
		record.members[record.count - 1].text = test->outcome.reason;
		record.members[record.count++].key = "status";
		record.members[record.count - 1].number = test->outcome.status;
		if (test->outcome.provider_id) {
			record.members[record.count++].key = "provider_id";
			record.members[record.count - 1].text = test->outcome.provider_id;
		}
	}
	dunner_record(instance_recorder(test->instance), &record);
}

static bool may_start(void *arg)
{
	const struct provider_test *test = arg;

	return !test->instance->stopping;
}

static void on_done(const struct outcome *outcome, void *arg)
{
	struct provider_test *test = arg;

	test->state = TEST_DONE;
	test->outcome = (struct outcome){ .kind = outcome->kind, .scope = outcome->scope, .status = outcome->status,
		.reason = arena_strdup(test->arena, outcome->reason), .provider_id = arena_strdup(test->arena, outcome->provider_id),
		.detail = arena_strdup(test->arena, outcome->detail) };
	if (outcome->kind != OUTCOME_ACCEPTED)
		log_line(test->instance->log, LOG_NOTICE, "dunningd", "a test by hand through provider %s: %s, %s%s%s", test->message.provider,
			outcome_names[outcome->kind], outcome->reason, outcome->detail ? ": " : "", outcome->detail ? outcome->detail : "");
	record(test, "provider.tested", NULL);
}

/* It is in the journal: now it may leave. */
static void on_recorded(const struct dunner_record *written, void *arg)
{
	struct provider_test *test = arg;
	const struct transport_port *port = http_client_port(test->instance->http);

	(void)written;
	test->state = TEST_SENDING;
	port->start(port->self, &test->message, may_start, on_done, test);
}

static int choose_channel(const struct control_test *asked, enum channel *ret, struct err *err)
{
	const char *word = asked->channel ? asked->channel : strchr(asked->address, '@') ? "email" : "sms";

	for (int c = 0; c < CHANNEL_COUNT; c++)
		if (strcmp(channel_names[c], word) == 0 && (c == CHANNEL_EMAIL || c == CHANNEL_SMS || c == CHANNEL_VOICE)) {
			*ret = (enum channel)c;
			return 0;
		}
	return err_set(err, -EINVAL, "bad_channel", "$.channel", "a test goes by email, sms or voice, not by \"%s\"", word);
}

static int make_message(struct provider_test *test, const struct control_test *asked, struct err *err)
{
	const struct instance *in = test->instance;
	const struct clock_port *clock = clock_port(in->clock, 0);
	const struct library_provider *provider = library_provider(in->library, asked->provider);
	const struct sender *sender = config_sender(in->config, "");
	struct message *m = &test->message;
	struct attempt_name name = { .debtor = "~test", .step = "test", .due_at = clock->now(clock->self) };
	static const char *const no_invoice[] = { "test" };
	char id[ATTEMPT_ID_SIZE], hex[2 * SHA256_SIZE + 1];
	uint8_t random[16], digest[SHA256_SIZE];
	int r;

	if (!provider)
		return err_set(err, -ENOENT, "unknown_provider", "$.provider", "\"%.60s\" is none of the providers that the daemon was started with", asked->provider);
	r = choose_channel(asked, &m->channel, err);
	if (r < 0)
		return r;
	if (provider->adapter && !(adapter_sends(provider->adapter) && adapter_serves(provider->adapter, m->channel)))
		return err_set(err, -EINVAL, "bad_channel", "$.channel", "provider \"%s\" does not send %s", provider->name, channel_names[m->channel]);
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return err_set(err, -EIO, "no_random", "", "there is no randomness");
	hex_format(random, sizeof(random), hex);
	name.invoice = hex;
	name.channel = channel_names[m->channel];
	name.recipient = asked->address;
	attempt_id(in->setup.install_key, &name, id);
	m->written_at = name.due_at;
	m->attempt_id = arena_strdup(test->arena, id);
	m->provider = arena_strdup(test->arena, provider->name);
	if (m->channel == CHANNEL_EMAIL)
		m->to.email = arena_strdup(test->arena, asked->address);
	else
		m->to.phone = arena_strdup(test->arena, asked->address);
	m->to.name = "Test";
	m->from = (struct party){ sender->name, sender->email, sender->phone, sender->reply_to };
	m->locale = "en";
	m->subject = arena_printf(test->arena, "TEST of dunningd by %s", m->provider);
	m->text = arena_printf(test->arena, "TEST. This message was sent by hand to try the provider \"%s\" of dunningd. It concerns no invoice: nothing is to be paid.\n",
		m->provider);
	m->debtor_id = m->step = m->policy = "test";
	m->invoice_ids = no_invoice;
	m->invoice_count = 1;
	sha256(asked->address, strlen(asked->address), digest);
	test->digest = arena_strdup(test->arena, hex_format(digest, SHA256_SIZE, hex));
	return message_check(m, err);
}

int instance_test(const struct control_test *asked, struct err *err, void *arg)
{
	struct instance *in = arg;
	struct arena *arena;
	struct provider_test *test;
	int r;

	if (in->stopping || !in->started)
		return err_set(err, -EAGAIN, "not_now", "", "the daemon is %s", in->stopping ? "stopping" : "starting");
	if (in->test && in->test->state != TEST_DONE)
		return err_set(err, -EBUSY, "busy", "", "a test through %s is under way", in->test->message.provider);
	arena = arena_create();
	test = arena_alloc(arena, sizeof(*test));
	*test = (struct provider_test){ .instance = in, .arena = arena, .who = arena_strdup(arena, asked->who) };
	r = make_message(test, asked, err);
	if (r < 0) {
		arena_free(arena);
		return r;
	}
	instance_test_free(in);
	in->test = test;
	record(test, "provider.test", on_recorded);
	return 0;
}

void instance_tested(struct json_writer *w, void *arg)
{
	const struct instance *in = arg;
	const struct provider_test *test = in->test;

	jw_str(w, "state", test ? state_words[test->state] : "none");
	if (!test)
		return;
	jw_str(w, "provider", test->message.provider);
	jw_str(w, "channel", channel_names[test->message.channel]);
	jw_str(w, "attempt", test->message.attempt_id);
	jw_bool(w, "shadow", in->config->shadow);
	if (test->state != TEST_DONE)
		return;
	jw_str(w, "outcome", outcome_names[test->outcome.kind]);
	jw_str(w, "reason", test->outcome.reason);
	jw_int(w, "status", test->outcome.status);
	jw_opt_str(w, "detail", test->outcome.detail);
	jw_opt_str(w, "provider_id", test->outcome.provider_id);
}

void instance_test_free(struct instance *in)
{
	if (in->test)
		arena_free(in->test->arena);
	in->test = NULL;
}
