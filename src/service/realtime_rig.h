/* realtime_rig.h - a realtime service on loopback that follows a test's wishes, in any dialect.
 *
 * One thread: the test turns the loop on which both sides live. By itself the service greets, takes settings,
 * hears "what is this" in every commit, and answers "It is a test." with 300 ms of audio; a test
 * switches any of it off, or speaks in its place with up_say().
 */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/b64.h"
#include "base/json.h"
#include "base/loop.h"
#include "service/realtime_ws.h"
#include "net/http_server.h"
#include "net/listen.h"
#include "net/websocket.h"

enum { UP_PATIENCE_MS = 3000, UP_AUDIO_MS = 300 };

struct up_server {
	struct loop *loop;
	struct http_server *http;
	struct addr at;
	struct websocket *ws;
	bool flat, many;       /* many: more links than one at a time            */
	unsigned refuse;       /* status of the answer to a handshake; 0: 101    */
	bool greets, updates, hears, answers, finishes; /* what it does by itself */
	const char *call;      /* the function that its next answer calls; or NULL */
	unsigned n_links, n_answers, n_commits, n_appends, n_tokens;
	size_t n_samples;
	json_t *got;           /* all events but appends, in order                */
	char target[256];      /* of the last handshake                           */
	bool key_seen;
	char active[40];       /* the answer that has not finished                */
};

static inline void up_say(struct up_server *u, const char *text)
{
	if (u->ws)
		(void)(websocket_send_text(u->ws, WS_CONTROL, 0, bytes_str(text)) == 0);
}

static inline void up_sayf(struct up_server *u, const char *fmt, ...) PRINTF_LIKE(2, 3);

static inline void up_sayf(struct up_server *u, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++) /* scripts are easier to read so */
		if (*p == '\'')
			*p = '"';
	up_say(u, text);
}

static inline void up_audio(struct up_server *u, const char *response, const char *item, unsigned ms)
{
	static int16_t pcm[REALTIME_RATE_HZ];
	AUTO(buf) struct buf b = { 0 };

	buf_printf(&b, "{\"type\":\"response.%s.delta\",\"response_id\":\"%s\",\"item_id\":\"%s\",\"delta\":\"",
		   u->flat ? "audio" : "output_audio", response, item);
	b64_append(&b, pcm, (size_t)ms * REALTIME_RATE_HZ / 1000 * sizeof(*pcm));
	buf_puts(&b, "\"}");
	if (!b.failed)
		up_say(u, (const char *)b.p);
}

/* What response.done says of it. */
static inline void up_done(struct up_server *u, const char *response, const char *status, const char *details)
{
	up_sayf(u, "{'type':'response.done','response':{'id':'%s','status':'%s','status_details':%s,"
		   "'usage':{'input_tokens':30,'output_tokens':20,'input_token_details':{'audio_tokens':12,"
		   "'cached_tokens':4},'output_token_details':{'audio_tokens':9}}}}",
		response, status, details);
	u->active[0] = 0;
}

static inline void up_answer(struct up_server *u, const json_t *response)
{
	unsigned n = ++u->n_answers;
	const char *ref = json_str(json_object_get(response, "metadata"), "voiced_ref", NULL);
	const json_t *kinds = json_object_get(response, u->flat ? "modalities" : "output_modalities");
	bool text = json_has_word(kinds, "text") && !json_has_word(kinds, "audio");
	char id[40], meta[80] = "null";

	snprintf(id, sizeof(id), "resp_%u", n);
	if (ref)
		snprintf(meta, sizeof(meta), "{'voiced_ref':'%s'}", ref);
	up_sayf(u, "{'type':'response.created','response':{'id':'%s','metadata':%s}}", id, meta);
	snprintf(u->active, sizeof(u->active), "%s", id);
	if (u->call) {
		up_sayf(u, "{'type':'response.output_item.done','response_id':'%s','item':{'id':'fc_%u',"
			   "'type':'function_call','status':'completed','name':'%s','call_id':'call_%u',"
			   "'arguments':'{}'}}", id, n, u->call, n);
	} else {
		up_sayf(u, "{'type':'response.output_item.added','response_id':'%s','item':{'id':'msg_%u',"
			   "'type':'message','content':[]}}", id, n);
		up_sayf(u, "{'type':'response.%s.delta','response_id':'%s','item_id':'msg_%u',"
			   "'delta':'It is a test.'}",
			text ? (u->flat ? "text" : "output_text") :
			       (u->flat ? "audio_transcript" : "output_audio_transcript"), id, n);
		for (unsigned i = 0; i < UP_AUDIO_MS && !text; i += 100) {
			char item[24];

			snprintf(item, sizeof(item), "msg_%u", n);
			up_audio(u, id, item, 100);
		}
	}
	u->call = NULL;
	if (u->finishes)
		up_done(u, id, "completed", "null");
}

static inline void up_hear(struct up_server *u)
{
	unsigned n = ++u->n_commits;

	up_sayf(u, "{'type':'input_audio_buffer.committed','item_id':'user_%u'}", n);
	if (!u->hears)
		return;
	up_sayf(u, "{'type':'conversation.item.input_audio_transcription.delta','item_id':'user_%u',"
		   "'delta':'what is '}", n);
	up_sayf(u, "{'type':'conversation.item.input_audio_transcription.completed','item_id':'user_%u',"
		   "'transcript':'what is this'}", n);
}

/* The service's own memory never fails: it is not what is tested. */
static inline void up_hear_message(struct up_server *u, struct bytes data)
{
	char why[160];
	AUTO(json) json_t *e = json_parse(data, why);
	const char *type = json_str(e, "type", "");

	if (strcmp(type, "input_audio_buffer.append") == 0) {
		const char *audio = json_str(e, "audio", "");
		size_t n = strlen(audio), pad = n && audio[n - 1] == '=' ? 1 + (audio[n - 2] == '=') : 0;

		u->n_appends++;
		u->n_samples += (n / 4 * 3 - pad) / 2;
		return;
	}
	(void)(json_array_append(u->got, e) == 0);
	if (strcmp(type, "session.update") == 0 && u->updates)
		up_say(u, "{\"type\":\"session.updated\",\"session\":{}}");
	else if (strcmp(type, "input_audio_buffer.commit") == 0)
		up_hear(u);
	else if (strcmp(type, "response.create") == 0 && u->answers)
		up_answer(u, json_object_get(e, "response"));
	else if (strcmp(type, "response.cancel") == 0 && u->active[0])
		up_done(u, u->active, "cancelled", "{'type':'cancelled','reason':'client_cancelled'}");
}

static inline void up_on_message(void *owner, enum ws_kind kind, struct bytes data)
{
	unsigned long left = mem_fail_hold();

	(void)kind;
	up_hear_message(owner, data);
	mem_fail_resume(left);
}

static inline void up_on_closed(void *owner, unsigned code)
{
	(void)code;
	((struct up_server *)owner)->ws = NULL;
}

static inline void up_serve(struct up_server *u, struct http_exchange *ex)
{
	static const struct websocket_ops ops = { .on_message = up_on_message, .on_closed = up_on_closed };
	const struct http_request *r = exchange_request(ex);
	struct bytes key = http_header(r, "api-key");

	if (!key.p)
		key = http_header(r, "Authorization");
	u->key_seen = bytes_is(key, "k3y") || bytes_is(key, "Bearer k3y");
	snprintf(u->target, sizeof(u->target), "%.*s", (int)r->target.n, (const char *)r->target.p);
	if (strstr(u->target, "/oauth2/")) {
		u->n_tokens++;
		exchange_reply(ex, &(struct http_reply){ .status = 200, .type = "application/json",
							 .body = bytes_str("{\"expires_in\":3599,\"access_token\":\"k3y\"}") });
		return;
	}
	u->n_links++;
	if (u->refuse) {
		exchange_error(ex, u->refuse, "rate_limit_exceeded", NULL, "Your key k3y has no room.");
		return;
	}
	struct websocket *before = u->ws;
	if (websocket_accept(&u->ws, ex, NULL, &ops, u) != 0)
		u->ws = NULL;
	if (before && !u->many)
		websocket_free(before);
	u->active[0] = 0;
	if (u->greets)
		up_say(u, "{\"type\":\"session.created\",\"session\":{\"id\":\"sess_1\"}}");
}

static inline void up_on_request(void *ctx, struct http_exchange *ex)
{
	unsigned long left = mem_fail_hold();

	up_serve(ctx, ex);
	mem_fail_resume(left);
}

static inline bool up_open(struct up_server *u, struct loop *loop)
{
	static const struct http_ops ops = { .on_request = up_on_request };
	static const struct http_policy policy = { 0 };
	struct http_server_params p = { .n_loops = 1, .loops = &u->loop, .ops = &ops, .ctx = u,
					.policy = &policy };
	char why[LISTEN_WHY];

	u->loop = loop;
	u->greets = u->updates = u->hears = u->answers = u->finishes = true;
	p.limits.linger_us = 20 * US_PER_MS;
	u->got = json_array();
	return u->got && addr_parse(bytes_str("127.0.0.1:0"), &u->at) &&
	       listen_probe(&u->at, why) == LISTEN_OK && http_server_new(&u->http, &p) == 0 &&
	       http_server_listen(u->http, &u->at, why) == LISTEN_OK;
}

static inline void up_close(struct up_server *u)
{
	http_server_free(u->http);
	json_decref(u->got);
	*u = (struct up_server){ 0 };
}

/* How many events of this type have come; *last, if not NULL: the last of them, borrowed. */
static inline size_t up_count(const struct up_server *u, const char *type, const json_t **last)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(u->got); i++) {
		const json_t *e = json_array_get(u->got, i);

		if (strcmp(json_str(e, "type", ""), type) != 0)
			continue;
		n++;
		if (last)
			*last = e;
	}
	return n;
}

/* A line for the service, as service_parse() takes it. api: as a line says it. */
static inline bool up_service(const struct up_server *u, struct service *to, const char *api, unsigned ms)
{
	char line[256], why[SERVICE_WHY];

	snprintf(line, sizeof(line), "ws://127.0.0.1:%u model=gpt-test key=k3y api=%s", u->at.port, api);
	if (service_parse(to, line, why) != 0)
		return false;
	to->timeout_ms = ms;
	return true;
}
