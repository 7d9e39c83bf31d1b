#include "tests/support/whole_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"

/* The shipped ladder, and where it goes on when something is broken. */
static const char policy[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"extends\":\"fr-b2b\",\"promise\":{\"within\":\"30d\",\"most\":2,\"thanks\":\"promise_thanks\","
	"\"broken\":\"clarification\"},\"plan\":{\"remind\":\"plan_due\",\"late\":\"plan_late\",\"grace\":\"5d\",\"broken\":\"penalties\"},"
	"\"courtesy\":{\"thanks\":\"payment_thanks\",\"apology\":\"apology\"}}";

#define CUSTOMER \
	",\"customer\":{\"id\":\"cus_1\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\"," \
	"\"postal\":{\"line1\":\"12 rue X\",\"postcode\":\"69002\",\"city\":\"Lyon\"},\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"name\":\"Mme Roy\"," \
	"\"email\":\"compta@dupont.example\",\"phone\":\"+33612345678\"},{\"id\":\"c2\",\"role\":\"manager\",\"name\":\"M. Petit\"," \
	"\"email\":\"petit@dupont.example\",\"phone\":\"+33612345679\"}]}"
#define INVOICE(id, kind, issued, due, total, more) \
	",\"invoice\":{\"id\":\"" id "\",\"number\":\"F-" id "\",\"version\":1,\"kind\":\"" kind "\",\"status\":\"open\",\"issued_on\":\"" issued "\"," \
	"\"due_on\":\"" due "\",\"currency\":\"EUR\",\"total_minor\":" total ",\"due_minor\":" total ",\"payment_url\":\"https://pay.example/" id "\"," \
	"\"pdf_url\":\"https://billing.example/" id ".pdf\",\"pdf_sha256\":\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"," \
	"\"refs\":{\"contract\":\"C-17\"}" more "}" CUSTOMER

/* What is told, or done by a person, at an instant of the story; all that is due happens before. */
struct scene {
	const char *until, *tasks; /* what waits for a person then */
	const char *type, *invoice, *data; /* an event; NULL = none */
	const char *words[14]; /* of dunningctl; none = nobody does anything */
};

#define BUNDLE "bundle.zip" /* in the world's folder */
#define CTL(...) { __VA_ARGS__, NULL }
static const struct scene scenes[] = {
	{ .until = "2026-02-02T08:00:00Z", .tasks = "", .type = "invoice.finalized", .invoice = "dep",
		.data = INVOICE("dep", "deposit", "2026-02-02", "2026-02-10", "60000", ",\"policy\":\"deposit\"") },
	{ .until = "2026-02-16T08:00:00Z", .tasks = "call:dep:call ", .words = CTL("call", "log", "dep", "nobody answers", "--outcome", "voicemail") },
	{ .until = "2026-02-19T09:00:00Z", .tasks = "", .type = "invoice.payment_received", .invoice = "dep",
		.data = ",\"payment_id\":\"p0\",\"amount_minor\":60000,\"paid_at\":\"2026-02-18T10:00:00Z\"" },
	{ .until = "2026-03-02T08:00:00Z", .tasks = "", .type = "invoice.finalized", .invoice = "bal",
		.data = INVOICE("bal", "balance", "2026-03-02", "2026-04-01", "240000", "") },
	{ .until = "2026-04-07T08:00:00Z", .tasks = "call:bal:call ", .words = CTL("call", "log", "call:bal:call", "they have cash problems",
		"--outcome", "promise", "--until", "2026-04-17", "--tell", "M. Petit signe le virement lui-m\xc3\xaame.") },
	{ .until = "2026-04-24T12:00:00Z", .tasks = "", .type = "payment_plan.agreed", .invoice = "bal",
		.data = ",\"plan_id\":\"pl\",\"instalments\":[{\"due_on\":\"2026-05-05\",\"amount_minor\":80000},"
			"{\"due_on\":\"2026-06-05\",\"amount_minor\":80000},{\"due_on\":\"2026-07-06\",\"amount_minor\":80000}]" },
	{ .until = "2026-05-05T08:00:00Z", .tasks = "", .type = "invoice.payment_received", .invoice = "bal",
		.data = ",\"payment_id\":\"p1\",\"amount_minor\":80000" },
	{ .until = "2026-06-16T08:00:00Z", .tasks = "call:bal:second-call ", .type = "dispute.opened", .invoice = "bal", .data = ",\"dispute_id\":\"d1\",\"reason\":\"quality\"" },
	{ .until = "2026-06-29T08:00:00Z", .tasks = "review_dispute:bal ", .type = "dispute.resolved", .invoice = "bal", .data = ",\"dispute_id\":\"d1\"" },
	{ .until = "2026-07-01T08:00:00Z", .tasks = "call:bal:second-call ", .words = CTL("call", "log", "bal", "the machine answers", "--outcome", "voicemail") },
	{ .until = "2026-07-10T08:00:00Z", .tasks = "decision:bal:worth-it ", .words = CTL("--who", "lea", "decide", "bal", "pursue", "they can pay") },
	{ .until = "2026-07-17T08:00:00Z", .tasks = "post:bal:formal-notice ", .words = CTL("task", "done", "post:bal:formal-notice", "posted, RA 123") },
	{ .until = "2026-08-04T08:00:00Z", .tasks = "decision:bal:follow-through commitment:bal ", .type = "letter.status_updated", .invoice = "bal",
		.data = ",\"status\":\"unclaimed\",\"tracking\":\"RA 123\",\"carrier\":\"La Poste\"" },
	{ .until = "2026-08-10T08:00:00Z", .tasks = "letter_unclaimed:bal decision:bal:follow-through commitment:bal ", .words = CTL("waive", "bal", "delivered", "it was not fetched: our lawyer says that it counts") },
	{ .until = "2026-08-11T08:00:00Z", .tasks = "letter_unclaimed:bal decision:bal:follow-through commitment:bal ", .words = CTL("handover", "bal", "as it was announced", "--to", "lawyer", "--out", BUNDLE) },
	{ .until = "2026-10-02T08:00:00Z", .tasks = "" },
	{ 0 },
};


static void act(struct story *s, const struct scene *scene)
{
	const char *words[14] = { 0 };
	CLEANUP(buf_clear) struct buf said = { 0 };
	int r;

	if (scene->type)
		story_event(s, scene->type, scene->invoice, scene->until, scene->data);
	if (!scene->words[0])
		return;
	for (size_t i = 0; scene->words[i]; i++)
		words[i] = strcmp(scene->words[i], BUNDLE) == 0 ? arena_printf(s->arena, "%s/" BUNDLE, s->world.dir) : scene->words[i];
	r = world_ctl(&s->world, words, &said);
	if (r != 0)
		fail_msg("%s: dunningctl %s %s: %d: %s", scene->until, words[0], words[1], r, buf_str(&said));
	story_kill(s);
	story_applied(s);
}

/* In whatever order they were opened. */
static void tasks_are(struct story *s, const struct scene *scene)
{
	for (int64_t deadline = real_ms() + 20000;; pause_ms(20)) {
		const char *open = story_tasks(s), *word = scene->tasks;
		bool all = strlen(open) == strlen(scene->tasks);

		for (size_t len; all && *word; word += len + 1) {
			len = strcspn(word, " ");
			all = strstr(open, arena_printf(s->arena, "%.*s ", (int)len, word)) != NULL;
		}
		if (all)
			return;
		if (real_ms() > deadline)
			fail_msg("%s: these tasks are open: %s; expected: %s", scene->until, open, scene->tasks);
	}
}

void whole_case_play(struct story *s, int kills, uint64_t seed)
{
	story_open(s, policy, scenes[0].until);
	s->kills = kills;
	s->spots = 2 * (int)ARRAY_LEN(scenes) - 4; /* each stretch, and each event or word but the handover's end */
	s->chance = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	for (const struct scene *one = scenes; one->until; one++) {
		if (one != scenes)
			story_until(s, one->until);
		tasks_are(s, one);
		act(s, one);
	}
}

/* --- the end ----------------------------------------------------------------------------------------------------------------------- */

static void add_messages(struct story *s, const char *invoice, struct buf *ret)
{
	struct json root = world_ask_sandbox(&s->world, s->arena, arena_printf(s->arena, "/messages?invoice=%s", invoice)), all = json_get(&root, "messages");

	for (size_t i = 0; i < json_len(&all); i++) {
		struct json one = json_at(&all, i);

		buf_printf(ret, "%s sent %s %.10s\n", invoice, story_str(&one, "step"), story_str(&one, "received_at"));
	}
}

static void add_walk(struct story *s, const char *invoice, struct buf *ret)
{
	struct json root = STORY_CTL(s, "show", invoice), walk = json_get(&root, "walk");

	buf_printf(ret, "%s is %s %s %s\n", invoice, story_str(&root, "state"), story_str(&root, "held"), story_str(&root, "closed"));
	for (size_t i = 0; i < json_len(&walk); i++) {
		struct json one = json_at(&walk, i);

		buf_printf(ret, "%s walked %s: %s %s\n", invoice, story_str(&one, "step"), story_str(&one, "end"), story_str(&one, "reason"));
	}
}

const char *whole_case_end(struct story *s)
{
	static const char *const told[] = { "escalation.opened", "invoice.will_be_due", "invoice.overdue", "escalation.exhausted",
		"escalation.closed", "promise.broken", "payment_plan.broken", "fee.accrued",
		"work.hold_announced", "work.hold_requested", "work.release_allowed", "commitment.opened", "commitment.fulfilled", "commitment.overdue",
		"handover.requested" };
	CLEANUP(buf_clear) struct buf ret = { 0 };

	for (int i = 0; i < 2; i++) {
		add_messages(s, i ? "bal" : "dep", &ret);
		add_walk(s, i ? "bal" : "dep", &ret);
	}
	for (size_t i = 0; i < ARRAY_LEN(told); i++)
		buf_printf(&ret, "%s: %lld\n", told[i], (long long)story_count(s, told[i]));
	buf_printf(&ret, "tasks: %s\n", story_tasks(s));
	return arena_strdup(s->arena, buf_str(&ret));
}

const char whole_case_expected[] =
	"dep sent pre-due 2026-02-09\n"
	"dep sent reminder 2026-02-12\n"
	"dep sent question 2026-02-19\n"
	"dep sent paid:apology 2026-02-20\n"
	"dep is closed  paid\n"
	"dep walked pre-due: sent \n"
	"dep walked reminder: sent \n"
	"dep walked call: done voicemail\n"
	"dep walked question: sent \n"
	"dep walked paid:apology: sent \n"
	"bal sent pre-due 2026-03-25\n"
	"bal sent reminder 2026-04-02\n"
	"bal sent confirm:1 2026-04-07\n"
	"bal sent clarification 2026-04-20\n"
	"bal sent text 2026-04-24\n"
	"bal sent plan:3485639faf15:2026-05-05:due 2026-05-04\n"
	"bal sent plan:3485639faf15:2026-06-05:due 2026-06-02\n"
	"bal sent plan:3485639faf15:2026-06-05:late 2026-06-08\n"
	"bal sent penalties 2026-06-11\n"
	"bal is waiting handed_over \n"
	"bal walked pre-due: sent \n"
	"bal walked reminder: sent \n"
	"bal walked call: done promise\n"
	"bal walked confirm:1: sent \n"
	"bal walked clarification: sent \n"
	"bal walked text: sent \n"
	"bal walked plan:3485639faf15:2026-05-05:due: sent \n"
	"bal walked plan:3485639faf15:2026-06-05:due: sent \n"
	"bal walked plan:3485639faf15:2026-06-05:late: sent \n"
	"bal walked penalties: sent \n"
	"bal walked second-call: done voicemail\n"
	"bal walked worth-it: done pursue\n"
	"bal walked formal-notice: done unclaimed\n"
	"bal walked follow-through: done lawyer\n"
	"escalation.opened: 2\n"
	"invoice.will_be_due: 2\n"
	"invoice.overdue: 2\n"
	"escalation.exhausted: 0\n"
	"escalation.closed: 1\n"
	"promise.broken: 1\n"
	"payment_plan.broken: 1\n"
	"fee.accrued: 1\n"
	"work.hold_announced: 1\n"
	"work.hold_requested: 2\n"
	"work.release_allowed: 1\n"
	"commitment.opened: 1\n"
	"commitment.fulfilled: 1\n"
	"commitment.overdue: 0\n"
	"handover.requested: 1\n"
	"tasks: \n";
