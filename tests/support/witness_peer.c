#include "tests/support/witness_peer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/merkle.h"
#include "common/witness.h"

static const uint8_t seed[ED25519_SEED_SIZE] = { 9, 9, 9 };

struct witness_peer {
	struct note_key log, own;
	pthread_mutex_t mutex;
	uint64_t size;
	uint8_t root[SHA256_SIZE];
	int64_t shift;
};

struct witness_peer *witness_peer_create(const struct note_key *log)
{
	struct witness_peer *peer = xcalloc(1, sizeof(*peer));
	uint8_t public_key[ED25519_KEY_SIZE];

	peer->log = *log;
	ed25519_public_key(seed, public_key);
	if (note_key_make("witness.test.example.com", NOTE_COSIGNATURE, public_key, &peer->own) < 0)
		abort();
	sha256("", 0, peer->root);
	pthread_mutex_init(&peer->mutex, NULL);
	return peer;
}

void witness_peer_destroy(struct witness_peer *peer)
{
	if (!peer)
		return;
	pthread_mutex_destroy(&peer->mutex);
	free(peer);
}

void witness_peer_key(const struct witness_peer *peer, struct buf *ret)
{
	note_key_add(ret, &peer->own);
}

static void reply(struct buf *out, const char *status, const char *type, const struct buf *body)
{
	buf_printf(out, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status, type, body->len);
	buf_add(out, buf_str(body), body->len);
}

/* tlog-cosignature, "Format". */
static void cosign(const struct witness_peer *peer, const struct slice *text, struct buf *line)
{
	uint64_t now = (uint64_t)(time(NULL) + peer->shift);
	CLEANUP(buf_clear) struct buf message = { 0 }, bytes = { 0 };
	uint8_t signature[ED25519_SIGNATURE_SIZE];

	buf_printf(&message, "cosignature/v1\ntime %llu\n", (unsigned long long)now);
	buf_add(&message, text->data, text->len);
	ed25519_sign(seed, message.data, message.len, signature);
	buf_add(&bytes, peer->own.id, NOTE_ID_SIZE);
	buf_add_u64be(&bytes, now);
	buf_add(&bytes, signature, sizeof(signature));
	buf_printf(line, "\u2014 %s ", peer->own.name);
	base64_add(line, bytes.data, bytes.len);
	buf_add_char(line, '\n');
}

static void answer(struct witness_peer *peer, const struct slice *body, struct buf *out)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct witness_request request;
	struct checkpoint head;
	struct note_seal seal;
	struct note note;

	if (witness_request_parse(body->data, body->len, &request) < 0 || note_parse(request.checkpoint.data, request.checkpoint.len, &note) < 0 ||
		checkpoint_parse(note.text.data, note.text.len, &head) < 0 || request.old > head.size) {
		reply(out, "400 Bad Request", "text/plain", &text);
	} else if (head.origin.len != strlen(peer->log.name) || memcmp(head.origin.data, peer->log.name, head.origin.len) != 0) {
		reply(out, "404 Not Found", "text/plain", &text);
	} else if (note_verify(&note, &peer->log, 1, &seal) < 0) {
		reply(out, "403 Forbidden", "text/plain", &text);
	} else if (request.old != peer->size || (request.old == head.size && memcmp(head.root, peer->root, SHA256_SIZE) != 0)) {
		buf_printf(&text, "%llu\n", (unsigned long long)peer->size);
		reply(out, "409 Conflict", "text/x.tlog.size", &text);
	} else if (merkle_consistency_check(&request.proof, request.old, head.size, peer->root, head.root) < 0) {
		reply(out, "422 Unprocessable Entity", "text/plain", &text);
	} else {
		peer->size = head.size;
		memcpy(peer->root, head.root, SHA256_SIZE);
		cosign(peer, &note.text, &text);
		reply(out, "200 OK", "text/plain", &text);
	}
}

void witness_peer_answer(const struct buf *request, struct buf *out, void *arg)
{
	const char *body = strstr(buf_str(request), "\r\n\r\n") + 4;
	struct slice bytes = { (const uint8_t *)body, request->len - (size_t)(body - request->data) };
	struct witness_peer *peer = arg;

	pthread_mutex_lock(&peer->mutex);
	answer(peer, &bytes, out);
	pthread_mutex_unlock(&peer->mutex);
}

uint64_t witness_peer_size(struct witness_peer *peer)
{
	uint64_t size;

	pthread_mutex_lock(&peer->mutex);
	size = peer->size;
	pthread_mutex_unlock(&peer->mutex);
	return size;
}

void witness_peer_know(struct witness_peer *peer, uint64_t size, const uint8_t root[SHA256_SIZE])
{
	pthread_mutex_lock(&peer->mutex);
	peer->size = size;
	memcpy(peer->root, root, SHA256_SIZE);
	pthread_mutex_unlock(&peer->mutex);
}

void witness_peer_shift(struct witness_peer *peer, int64_t seconds)
{
	pthread_mutex_lock(&peer->mutex);
	peer->shift = seconds;
	pthread_mutex_unlock(&peer->mutex);
}
