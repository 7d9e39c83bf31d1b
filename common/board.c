#include "common/board.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/locale.h"
#include "common/report_words.h"
#include "common/utc.h"

#define AT_MOST INT64_C(253402300799999) /* the end of year 9999, ms UTC */

/* --- words ------------------------------------------------------------------------------------------------------------------------ */

static const char *const words[BOARD_WORD_COUNT][BOARD_LANGUAGE_COUNT] = {
#define X(word, french, english) [W_##word] = { [REPORT_FR] = french, [REPORT_EN] = english },
	BOARD_WORDS(X)
#undef X
};

static const char *locale_of(const struct board *b)
{
	return b->language == REPORT_FR ? "fr-FR" : "en-GB";
}

const char *board_say(const struct board *b, enum board_word word)
{
	return words[word][b->language];
}

const char *board_says(const struct board *b, enum board_word word, const char *first, const char *second)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const char *in[] = { first, second }, *at = board_say(b, word);

	for (size_t i = 0; i < ARRAY_LEN(in); i++) {
		const char *gap = strstr(at, "{}");

		if (!gap)
			break;
		buf_add(&out, at, (size_t)(gap - at));
		buf_add_str(&out, in[i] ? in[i] : "?");
		at = gap + 2;
	}
	buf_add_str(&out, at);
	return arena_strdup(b->arena, buf_str(&out));
}

/* States of an invoice's walk, of partitions and providers: no other table has them. */
static const struct {
	const char *word, *in[BOARD_LANGUAGE_COUNT];
} states[] = {
	{ "stub", { "annoncée", "announced" } }, { "waiting", { "suivie", "followed" } }, { "sending", { "en cours d’envoi", "being sent" } },
	{ "in_doubt", { "incertaine", "in doubt" } }, { "task", { "tâche ouverte", "task open" } }, { "gate", { "à décider", "to be decided" } },
	{ "closed", { "close", "closed" } }, { "none", { "—", "—" } }, { "paid", { "payée", "paid" } }, { "voided", { "annulée", "voided" } },
	{ "uncollectible", { "passée en perte", "uncollectible" } }, { "stopped", { "arrêtée", "stopped" } }, { "settled", { "transigée", "settled" } },
	{ WALKED_SHADOW, { "écrite mais non envoyée", "written, not sent" } },
	{ "starting", { "démarre", "starting" } }, { "passive", { "une autre instance s’en charge", "another instance has it" } },
	{ "draining", { "lit les événements en attente", "reading what waits" } }, { "running", { "au travail", "at work" } },
	{ "refused_state", { "attend une personne", "needs a person" } }, { "stopping", { "s’arrête", "stopping" } },
	{ "waiting_for_redis", { "attend Redis", "waits for Redis" } }, { "suspended", { "suspendu par un opérateur", "suspended by an operator" } },
	{ "brake", { "frein\u00a0: trop de contacts à l’heure", "brake: too many contacts an hour" } }, { "backlog", { "des événements restent à lire",
	"events are still to be read" } },
	{ "trail_set_back", { "le journal de preuve est revenu en arrière", "the trail was set back" } },
	{ "adopting", { "le contenu de Redis est repris", "what Redis has is taken over" } },
	{ "store_refuses", { "Redis refuse les écritures", "Redis refuses writes" } },
	{ "replicas", { "trop peu de réplicas de Redis ont suivi", "too few of Redis’s replicas have what was written" } },
	{ "clock_unset", { "l’horloge n’est pas à l’heure", "the clock is not set" } },
	{ "clock_before_log", { "l’horloge est en retard sur le journal de preuve", "the clock is behind the trail" } },
	{ "no_space", { "disque plein", "disk full" } }, { "clock_jump", { "l’horloge a sauté", "the clock jumped" } },
	{ "draft", { "brouillon", "draft" } }, { "open", { "ouverte", "open" } }, { "no_customer", { "client inconnu", "customer unknown" } },
	{ "dead_letter", { "événement illisible", "unreadable event" } }, { "incomplete", { "preuves incomplètes", "evidence incomplete" } },
	{ "no_more", { "demande peut-être qu’on n’écrive plus", "may ask for no more" } },
	{ "window", { "hors des heures ouvrées", "outside working hours" } }, { "cap", { "plafond de contacts", "cap on contacts" } },
	{ "min_gap", { "trop tôt après le dernier contact", "too soon after the last contact" } }, { "schedule", { "au calendrier", "as planned" } },
	{ "step_refused", { "étape précédente refusée : à examiner", "the step before was refused: look why" } },
	{ "same_day", { "un seul message par jour", "one message a day" } },
	{ "spacing", { "espacement", "spacing" } }, { "retry", { "nouvel essai", "another try" } }, { "handed_over", { "transmise", "handed over" } },
	{ "small", { "montant minime", "small amount" } }, { "reminder", { "rappel", "reminder" } }, { "continue", { "poursuivre", "go on" } },
	{ "quality", { "qualité", "quality" } }, { "not_received", { "non reçu", "not received" } }, { "wrong_amount", { "montant contesté",
	"wrong amount" } },
	{ "timestamp", { "horodatage", "time stamp" } }, { "witness", { "témoin", "witness" } }, { "s3", { "copie verrouillée", "locked copy" } },
};

const char *board_word(const struct board *b, const char *word)
{
	const struct digest_words *digest = digest_words(report_tags[b->language]);
	const char *found;
	char *plain;

	if (!word)
		return "";
	found = digest_word(digest, word);
	for (size_t i = 0; found == word && i < ARRAY_LEN(states); i++)
		if (strcmp(states[i].word, word) == 0)
			found = states[i].in[b->language];
	if (found == word)
		found = word_reason(b->language, word);
	if (strcmp(found, word) == 0)
		found = word_kind(b->language, word);
	if (strcmp(found, word) != 0)
		return found;
	plain = arena_strdup(b->arena, word);
	for (char *p = plain; *p; p++)
		if (*p == '_')
			*p = ' ';
	return plain;
}

const char *board_day(const struct board *b, date day)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	if (!date_is_set(day) || locale_date_styled(locale_of(b), day, LOCALE_DATE_MEDIUM, &out) < 0)
		return "";
	return arena_strdup(b->arena, buf_str(&out));
}

const char *board_at(const struct board *b, int64_t at)
{
	int minute;

	if (at <= 0 || at > AT_MOST) /* a document that came from elsewhere may hold anything */
		return "";
	minute = zone_minute(b->zone, at);
	return arena_printf(b->arena, "%s, %02d:%02d", board_day(b, zone_date(b->zone, at)), minute / 60, minute % 60);
}

const char *board_money(const struct board *b, int64_t minor, const char *currency)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct money money = { .minor = minor };
	char text[40];

	(void)snprintf(money.currency, sizeof(money.currency), "%s", currency);
	if (locale_money(locale_of(b), money, &out) == 0)
		return arena_strdup(b->arena, buf_str(&out));
	return arena_printf(b->arena, "%s %s", money_plain(money, text, sizeof(text)), money.currency);
}

enum report_language board_language(const char *accept)
{
	double best[BOARD_LANGUAGE_COUNT] = { 0 };

	while (accept && *accept) {
		size_t len = strcspn(accept, ",");
		const char *q;

		accept += strspn(accept, " \t");
		len = strcspn(accept, ",");
		q = memmem(accept, len, ";q=", 3);
		for (int l = 0; l < BOARD_LANGUAGE_COUNT; l++) {
			double wish = q ? q[3] == '1' ? 1 : q[3] == '0' && q[4] == '.' ? (q[5] - '0') / 10.0 : 0 : 1;

			if (strncasecmp(accept, report_tags[l], 2) == 0 && !isalpha((unsigned char)accept[2]) && wish > best[l])
				best[l] = wish;
		}
		accept += len + (accept[len] == ',');
	}
	return best[REPORT_FR] > best[REPORT_EN] ? REPORT_FR : REPORT_EN;
}

/* --- HTML ------------------------------------------------------------------------------------------------------------------------- */

void board_text(struct board *b, const char *text)
{
	for (; text && *text; text++) {
		switch (*text) {
		case '&':
			buf_add_str(b->out, "&amp;");
			break;
		case '<':
			buf_add_str(b->out, "&lt;");
			break;
		case '>':
			buf_add_str(b->out, "&gt;");
			break;
		case '"':
			buf_add_str(b->out, "&quot;");
			break;
		default:
			if ((unsigned char)*text >= 0x20 || *text == '\n' || *text == '\t')
				buf_add_char(b->out, *text);
		}
	}
}

void board_html(struct board *b, const char *html, ...)
{
	va_list args;

	va_start(args, html);
	for (;;) {
		const char *gap = strstr(html, "%s"), *text = gap ? va_arg(args, const char *) : NULL;

		if (!gap)
			break;
		buf_add(b->out, html, (size_t)(gap - html));
		board_text(b, text);
		html = gap + 2;
	}
	va_end(args);
	buf_add_str(b->out, html);
}

const char *board_escape(const struct board *b, const char *part)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	for (const unsigned char *p = (const unsigned char *)part; *p; p++)
		if (isalnum(*p) || strchr("-._~", *p))
			buf_add_char(&out, (char)*p);
		else
			buf_printf(&out, "%%%02X", *p);
	return arena_strdup(b->arena, buf_str(&out));
}

static void begin_nav(struct board *b)
{
	static const struct {
		const char *path;
		enum board_word word;
	} places[BOARD_PLACE_COUNT] = { [BOARD_TODAY] = { "/", W_TODAY }, [BOARD_TASKS] = { "/tasks", W_TASKS },
		[BOARD_INVOICES] = { "/invoices", W_INVOICES }, [BOARD_POLICIES] = { "/policies", W_POLICIES }, [BOARD_HEALTH] = { "/health", W_HEALTH } };

	board_html(b, "<nav aria-label=\"%s\"><ul>", board_say(b, W_MENU), NULL);
	for (size_t i = 0; i < BOARD_PLACE_COUNT; i++) {
		buf_printf(b->out, "<li><a href=\"%s\"%s>", places[i].path, i == b->place ? " aria-current=\"page\"" : "");
		board_html(b, "%s</a></li>", board_say(b, places[i].word), NULL);
	}
	buf_add_str(b->out, "</ul></nav>");
}

static void begin_side(struct board *b)
{
	const char *other = b->language == REPORT_FR ? "en" : "fr";

	buf_add_str(b->out, "<div class=\"side\">");
	if (b->who) {
		board_html(b, "<span class=\"who\">%s", b->who, NULL);
		if (!b->may_act)
			board_html(b, " · %s", board_say(b, W_READ_ONLY), NULL);
		buf_add_str(b->out, "</span>");
	}
	if (b->here) {
		board_html(b, "<a href=\"%s", b->here, NULL);
		buf_printf(b->out, "%cl=%s\" lang=\"%s\" hreflang=\"%s\">", strchr(b->here, '?') ? '&' : '?', other, other, other);
		board_html(b, "%s</a>", board_say(b, W_OTHER_LANGUAGE), NULL);
	}
	if (b->may_leave)
		board_html(b, "<form method=\"post\" action=\"/sign-out\"><button class=\"link\">%s</button></form>", board_say(b, W_SIGN_OUT), NULL);
	buf_add_str(b->out, "</div>");
}

void board_begin(struct board *b, const char *title)
{
	board_html(b, "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><title>%s – %s</title>"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">"
		"<link rel=\"stylesheet\" href=\"/dashboard.css\"><link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">",
		report_tags[b->language], title, b->creditor, NULL);
	if (b->again)
		board_html(b, "<meta http-equiv=\"refresh\" content=\"%s\">", b->again, NULL);
	board_html(b, "</head>\n<body><a class=\"skip\" href=\"#main\">%s</a><header><div class=\"wrap\"><a class=\"brand\" href=\"/\">"
		"<span class=\"mark\" aria-hidden=\"true\"></span>%s</a>",
		board_say(b, W_SKIP), b->creditor, NULL);
	if (b->who)
		begin_nav(b);
	begin_side(b);
	buf_add_str(b->out, "</div></header>\n<main id=\"main\" class=\"wrap\" tabindex=\"-1\">");
}

void board_end(struct board *b)
{
	buf_add_str(b->out, "</main></body></html>\n");
}

/* --- small pages --------------------------------------------------------------------------------------------------------------- */

void board_plain(struct board *b, enum board_word title, enum board_word text)
{
	board_begin(b, board_say(b, title));
	board_html(b, "<div class=\"card lone\"><h1>%s</h1><p>%s</p><p><a href=\"/\">%s</a></p></div>", board_say(b, title), board_say(b, text),
		board_say(b, W_TODAY), NULL);
	board_end(b);
}

void board_sign_in(struct board *b, bool wrong)
{
	board_begin(b, board_say(b, W_SIGN_IN));
	board_html(b, "<div class=\"card lone\"><h1>%s</h1><p class=\"soft\">%s</p><form method=\"post\" action=\"/sign-in\"><div class=\"field\">"
		"<label for=\"token\">%s</label>", board_say(b, W_SIGN_IN), board_say(b, W_SIGN_IN_LEAD), board_say(b, W_TOKEN), NULL);
	if (wrong)
		board_html(b, "<p class=\"wrong\" id=\"wrong\">%s</p>", board_say(b, W_TOKEN_WRONG), NULL);
	buf_printf(b->out, "<input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" required autofocus%s></div>",
		wrong ? " aria-invalid=\"true\" aria-describedby=\"wrong\"" : "");
	board_html(b, "<button class=\"main\">%s</button></form></div>", board_say(b, W_SIGN_IN), NULL);
	board_end(b);
}
