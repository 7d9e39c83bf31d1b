// The providers' own libraries against the sandbox and dunningd, both ways; started by sdks.c, which looks at the state afterwards.
//
//	node sdks.js SANDBOX_PORT HOOKS_PORT PUBLIC_URL PEM MODULES ATTEMPT_TWILIO ATTEMPT_SENDGRID ATTEMPT_RESEND
//
// What the sandbox signs must be accepted by the libraries, and refused once it is tampered with. What the libraries sign (SendGrid's can
// only verify: there node's crypto signs, as its documentation says) must be taken by dunningd, and refused once it is tampered with.
'use strict';
const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');

const [sandboxPort, hooksPort, publicUrl, pem, modules, ...attempts] = process.argv.slice(2);
const load = (name) => require(path.join(path.resolve(modules), name));
const twilio = load('twilio');
const { EventWebhook, EventWebhookHeader } = load('@sendgrid/eventwebhook');
const { Webhook } = load('svix');
const { Resend } = load('resend');

const TEXT = 'Déjà payé + 1 & 2 = 3 % ; « merci » 🙂\nligne 2';
const WORDS = {
	twilio: ['sent', 'delivered', 'bounced', 'bounced_soft', 'opened', 'stopped', 'replied'],
	sendgrid: ['sent', 'delivered', 'deferred', 'bounced', 'bounced_soft', 'complained', 'opened', 'stopped', 'replied'],
	resend: ['sent', 'delivered', 'deferred', 'bounced', 'bounced_soft', 'complained', 'opened', 'stopped', 'replied'],
};

function call(port, method, target, headers, body) {
	return new Promise((resolve, reject) => {
		const request = http.request({ host: '127.0.0.1', port, method, path: target, headers }, (answer) => {
			const parts = [];
			answer.on('data', (part) => parts.push(part));
			answer.on('end', () => resolve({ status: answer.statusCode, text: Buffer.concat(parts).toString() }));
		});
		request.on('error', reject);
		request.end(body);
	});
}

async function sandbox(method, target, body) {
	const { status, text } = await call(sandboxPort, method, target, {}, body && JSON.stringify(body));
	assert(status < 300, `${target}: ${status} ${text}`);
	return JSON.parse(text);
}

const params = (body) => Object.fromEntries(new URLSearchParams(body));

// By a library alone: whether it takes the request.
function accepts(as, request, keys) {
	const h = request.headers;
	try {
		if (as === 'twilio')
			return twilio.validateRequest(keys.twilio, h['x-twilio-signature'], publicUrl + request.url, params(request.body.toString()));
		if (as === 'sendgrid') {
			const verifier = new EventWebhook();
			return verifier.verifySignature(verifier.convertPublicKeyToECDSA(keys.sendgrid), request.body,
				h[EventWebhookHeader.SIGNATURE().toLowerCase()], h[EventWebhookHeader.TIMESTAMP().toLowerCase()]);
		}
		new Webhook(keys.resend).verify(request.body.toString(), h);
		new Resend('re_none').webhooks.verify({ payload: request.body.toString(), webhookSecret: keys.resend,
			headers: { id: h['svix-id'], timestamp: h['svix-timestamp'], signature: h['svix-signature'] } });
		return true;
	} catch {
		return false;
	}
}

// Each of them must make it another request.
const forgeries = [
	['the body', (r) => ({ ...r, body: Buffer.from(r.body.toString().replace(/delivered|sent|SM[0-9a-f]/, 'xxxx') + 'x=1') })],
	['a header', (r) => ({ ...r, headers: Object.fromEntries(Object.entries(r.headers).map(([k, v]) =>
		[k, /signature/.test(k) ? v.slice(0, 20) + (v[20] === 'A' ? 'B' : 'A') + v.slice(21) : v])) })],
	['its place', (r) => ({ ...r, url: r.url + (r.url.includes('?') ? '&' : '?') + 'x=1', headers: Object.fromEntries(Object.entries(r.headers).map(([k, v]) =>
		[k, /timestamp/.test(k) ? String(Number(v) - 1) : v])) })],
];

async function outgoing() {
	const got = [];
	const waiting = [];
	const server = http.createServer((request, answer) => {
		const parts = [];
		request.on('data', (part) => parts.push(part));
		request.on('end', () => {
			got.push({ url: request.url, headers: request.headers, body: Buffer.concat(parts) });
			answer.end('ok');
			waiting.splice(0).forEach((go) => go());
		});
	});
	await new Promise((go) => server.listen(0, '127.0.0.1', go));
	const { keys } = await sandbox('POST', '/hooks', { to: `http://127.0.0.1:${server.address().port}`, public_url: publicUrl });
	for (const as of Object.keys(WORDS)) {
		let refused = 0;
		for (const what of WORDS[as]) {
			await sandbox('POST', '/tell', { attempt: attempts[0], what, as, text: TEXT });
			while (!got.length)
				await new Promise((go) => waiting.push(go));
			const request = got.shift();
			assert(accepts(as, request, keys), `${as} refuses "${what}": ${JSON.stringify(request.headers)}\n${request.body}`);
			for (const [place, forge] of forgeries) {
				assert(!accepts(as, forge(request), keys), `${as} accepts "${what}" with ${place} changed`);
				refused++;
			}
		}
		console.log(`${as}: the library accepts ${WORDS[as].length} of ${WORDS[as].length} webhooks of the sandbox, and refuses ${refused} forged`);
	}
	server.close();
	return keys;
}

// Requests as the libraries sign them, for dunningd.
function signed(keys) {
	const now = Math.floor(Date.now() / 1000);
	const url = `/hooks/twilio-sms/status?d=${attempts[0]}`;
	const fields = { MessageSid: 'SM' + '0'.repeat(32), MessageStatus: 'delivered', To: '+33612345678', From: '+33100000000', Body: TEXT };
	const events = JSON.stringify([{ email: 'a@b.example', timestamp: now, event: 'delivered', sg_event_id: 'one', attempt: attempts[1] }]) + '\r\n';
	const resend = JSON.stringify({ type: 'email.delivered', created_at: new Date().toISOString(),
		data: { email_id: 'x', tags: { attempt: attempts[2] }, to: ['a@b.example'], subject: TEXT } });
	const old = new Date(Date.now() - 3600 * 1000);
	const svix = (date) => ({ 'content-type': 'application/json', 'svix-id': 'msg_1', 'svix-timestamp': String(Math.floor(date / 1000)),
		'svix-signature': new Webhook(keys.resend).sign('msg_1', new Date(Math.floor(date / 1000) * 1000), resend) });
	return [
		['twilio', { url, body: new URLSearchParams(fields).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded',
			'x-twilio-signature': twilio.getExpectedTwilioSignature(keys.twilio, publicUrl + url, fields) } }, 200],
		['twilio, with the port', { url, body: new URLSearchParams(fields).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded',
			'x-twilio-signature': twilio.getExpectedTwilioSignature(keys.twilio, publicUrl + ':443' + url, fields) } }, 200],
		['sendgrid', { url: '/hooks/sendgrid', body: events, headers: { 'content-type': 'application/json',
			[EventWebhookHeader.TIMESTAMP()]: String(now), [EventWebhookHeader.SIGNATURE()]:
				crypto.sign('sha256', Buffer.from(now + events), fs.readFileSync(pem)).toString('base64') } }, 200],
		['resend', { url: '/hooks/resend', body: resend, headers: svix(Date.now()) }, 200],
		['resend, an hour old', { url: '/hooks/resend', body: resend, headers: svix(old.getTime()) }, 401],
	];
}

async function incoming(keys) {
	let taken = 0;
	let refused = 0;
	for (const [name, request, expected] of signed(keys)) {
		const send = (r) => call(hooksPort, 'POST', r.url, { host: 'dunning.example', ...r.headers }, r.body);
		const good = { ...request, body: Buffer.from(request.body), headers: Object.fromEntries(Object.entries(request.headers).map(([k, v]) =>
			[k.toLowerCase(), v])) };
		// The forged first: what was taken once is known, and would hide that a forged one was taken too.
		for (const [place, forge] of forgeries) {
			const { status } = await send(forge(good));
			assert(status === 401, `${name}: dunningd answers ${status} with ${place} changed`);
			refused++;
		}
		const { status, text } = await send(good);
		assert(status === expected, `${name}: dunningd answers ${status} ${text}`);
		taken += expected === 200 ? 1 : 0;
		refused += expected === 200 ? 0 : 1;
	}
	console.log(`dunningd takes ${taken} webhooks signed by the libraries, and refuses ${refused} forged`);
}

outgoing().then(incoming).catch((error) => {
	console.error(error.message);
	process.exit(1);
});
