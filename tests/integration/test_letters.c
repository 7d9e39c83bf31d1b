/* Letters through the shipped files: the PDF that arrives at the provider's door is the one that was given, byte for byte, and so is one that we drew. */
#include "tests/integration/http_fixture.h"

#include "common/hash.h"
#include "common/letter.h"

#define PDF_SIZE 300000

#define JSON(text) "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" text

static const struct letter_row {
	const char *name, *file;
	const char *pairs[9];
	struct peer_step steps[2];
	size_t carries; /* which request has the document */
	enum { IN_PART, IN_JSON, IN_FIELD } how; /* a part of a form; base64 in JSON; the same as a field of a form */
	const char *has[3]; /* what its last request says besides */
	const char *id;
} rows[] = {
	{ "lob", "lob.json", { "api_key", "mail-token" }, { { PEER_ANSWER_CLOSE, JSON("{\"id\":\"ltr_1\"}") } }, 0, IN_PART,
		{ "name=\"to[address_line1]\"\r\n\r\n3, rue de la R\303\251publique\r\n", "name=\"from[address_zip]\"\r\n\r\n75001\r\n",
			"filename=\"F-42.pdf\"" }, "ltr_1" },
	{ "mysendingbox", "mysendingbox.json", { "api_key", "mail-token" }, { { PEER_ANSWER_CLOSE, JSON("{\"_id\":\"let_1\"}") } }, 0, IN_PART,
		{ "name=\"to[address_line1]\"\r\n\r\n3, rue de la R\303\251publique\r\n", "name=\"to[address_country]\"\r\n\r\nFrance\r\n",
			"name=\"postage_type\"\r\n\r\nlrar\r\n" }, "let_1" },
	{ "clicksend", "clicksend.json", { "username", "u", "api_key", "mail-token", "return_address_id", "7" },
		{ { PEER_ANSWER_CLOSE, JSON("{\"data\":{\"_url\":\"https://files.example/1.pdf\"}}") },
			{ PEER_ANSWER_CLOSE, JSON("{\"data\":{\"recipients\":[{\"status\":\"SUCCESS\",\"message_id\":\"m-1\"}]}}") } }, 0, IN_JSON,
		{ "https://files.example/1.pdf", "3, rue de la R", "Lyon" }, "m-1" },
	{ "merci-facteur", "merci-facteur.json", { "service_id", "svc", "secret_key", "mail-token", "user_id", "17" },
		{ { PEER_ANSWER_CLOSE, JSON("{\"success\":true,\"token\":\"T1\"}") },
			{ PEER_ANSWER_CLOSE, JSON("{\"success\":true,\"error\":null,\"envoi_id\":[123456]}") } }, 1, IN_FIELD,
		{ "\r\nww-access-token: T1\r\n", "idUser=17&modeEnvoi=lrare&adress=%7B%22exp%22%3A%7B",
			"%22adresse1%22%3A%223%2C%20rue%20de%20la%20R%C3%A9publique%22" }, "123456" },
};

static void use_file(struct fixture *f, const struct letter_row *row)
{
	static const char *pairs[11];
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct adapter *adapter = NULL;
	struct err err = { 0 };
	size_t n = 0;
	char path[300];

	for (; row->pairs[n]; n++)
		pairs[n] = row->pairs[n];
	pairs[n++] = "base_url";
	pairs[n++] = f->url;
	pairs[n] = NULL;
	snprintf(path, sizeof(path), "%s/daemon/share/providers/%s", SOURCE_DIR, row->file);
	assert_int_equal(file_read(path, ADAPTER_FILE_MAX, &text, NULL), 0);
	f->settings[SLOW].settings = pairs;
	if (adapter_parse(text.data, text.len, &adapter, &err) < 0 || adapter_check_settings(adapter, &f->settings[SLOW], &err) < 0)
		fail_msg("%s: %s %s", path, err.path, err.text);
	adapter_free((struct adapter *)(uintptr_t)f->providers[SLOW].adapter);
	f->providers[SLOW].adapter = adapter;
	http_client_use(f->client, &f->library);
}

/* What stands in a form between an empty line and the next boundary, or as base64: in JSON, or in JSON that is a field of a form. */
static void check_document(const struct buf *request, const struct attachment *pdf, const struct letter_row *row)
{
	CLEANUP(buf_clear) struct buf wanted = { 0 }, text = { 0 };
	const char *at;

	base64_add(&text, pdf->data, pdf->len);
	if (row->how == IN_PART) {
		buf_add_str(&wanted, "Content-Type: application/pdf\r\n\r\n");
		buf_add(&wanted, pdf->data, pdf->len);
		buf_add_str(&wanted, "\r\n--");
	} else if (row->how == IN_JSON) {
		buf_printf(&wanted, "\"%s\"", buf_str(&text));
	} else {
		buf_add_str(&wanted, "%22base64files%22%3A%5B%22");
		for (size_t i = 0; i < text.len; i++)
			if (strchr("+/=", text.data[i]))
				buf_printf(&wanted, "%%%02X", (unsigned)text.data[i]);
			else
				buf_add_char(&wanted, text.data[i]);
		buf_add_str(&wanted, "%22%5D");
	}
	at = memmem(request->data, request->len, wanted.data, wanted.len);
	if (!at)
		fail_msg("the document is not in the request of %zu bytes", request->len);
}

static const struct postal to = { .line1 = "3, rue de la R\303\251publique", .postcode = "69002", .city = "Lyon", .region = "ARA", .country = "FR" };
static const struct postal from = { .line1 = "1, place Carr\303\251e", .postcode = "75001", .city = "Paris", .country = "FR" };

static void draw(struct buf *ret)
{
	const struct creditor creditor = { .name = "Soci\303\251t\303\251 Cr\303\251anci\303\250re", .locale = "fr" };
	const struct letter letter = { .form = LETTER_FRENCH, .locale = "fr", .creditor = &creditor, .from = from, .to_name = "Dupont", .to = to,
		.written_on = date_of(2026, 4, 2), .subject = "Mise en demeure", .body = "Nous vous mettons en demeure de r\303\251gler 120,00 \342\202\254." };
	struct err err = { 0 };

	if (letter_pdf(&letter, ret, &err) < 0)
		fail_msg("%s", err.text);
	assert_memory_equal(ret->data, "%PDF-", 5);
}

static void arrives(void **state, const struct letter_row *row, const struct attachment *file)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf first = { 0 }, last = { 0 };
	size_t steps = row->steps[1].bytes ? 2 : 1;
	struct message m = make_message(f, SLOW, 0);

	m.channel = CHANNEL_LETTER;
	m.to.name = "Soci\303\251t\303\251 Dupont";
	m.to_postal = to;
	m.from_postal = from;
	m.registered = true;
	m.attachments = file;
	m.attachment_count = 1;
	use_file(f, row);
	http_peer_script(f->peer, row->steps, steps);
	send_message(f, &m, 0);
	assert_outcome(trip_ends(f, 0), OUTCOME_ACCEPTED, "accepted");
	assert_string_equal(f->trips[0].outcome.provider_id, row->id);
	assert_int_equal(http_peer_requests(f->peer), steps);
	assert_true(http_peer_request(f->peer, row->carries, &first));
	check_document(&first, file, row);
	assert_true(http_peer_request(f->peer, steps - 1, &last));
	for (size_t i = 0; i < ARRAY_LEN(row->has); i++)
		if (!memmem(last.data, last.len, row->has[i], strlen(row->has[i])))
			fail_msg("not in the request: %s", row->has[i]);
}

static void the_pdf_arrives(void **state, const struct letter_row *row)
{
	static unsigned char pdf[PDF_SIZE];
	const struct attachment file = { .name = "F-42.pdf", .type = "application/pdf", .data = pdf, .len = PDF_SIZE };

	for (size_t i = 0; i < PDF_SIZE; i++)
		pdf[i] = (unsigned char)(i * 7 + i / 253);
	memcpy(pdf, "%PDF-1.7\r\n\r\n--\r\n\0\n", 18);
	arrives(state, row, &file);
}

/* By each of them, to a client that knows nothing of the one before. */
static void the_drawn_one_arrives(void **state)
{
	CLEANUP(buf_clear) struct buf pdf = { 0 };
	struct attachment file = { .name = "F-42.pdf", .type = "application/pdf" };

	draw(&pdf);
	file.data = pdf.data;
	file.len = pdf.len;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (i) {
			teardown(state);
			setup(state);
		}
		arrives(state, &rows[i], &file);
	}
}

static void lob(void **state)
{
	the_pdf_arrives(state, &rows[0]);
}

static void mysendingbox(void **state)
{
	the_pdf_arrives(state, &rows[1]);
}

static void clicksend(void **state)
{
	the_pdf_arrives(state, &rows[2]);
}

static void merci_facteur(void **state)
{
	the_pdf_arrives(state, &rows[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(lob), TEST(mysendingbox), TEST(clicksend), TEST(merci_facteur), TEST(the_drawn_one_arrives) };

	return cmocka_run_group_tests_name("letters", tests, NULL, NULL);
}
