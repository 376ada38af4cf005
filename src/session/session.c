#include "session/session.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "session/client.h"
#include "session/dialect.h"
#include "session/errors.h"
#include "session/state.h"

enum { MAX_S = 3600, GRACE_S = 30 };

/* --- the time, randomness and the recorder ----------------------------------------------- */

static uint64_t inner_now(void *ctx)
{
	return ((struct session *)ctx)->now_us;
}

static uint64_t inner_wall(void *ctx)
{
	struct session *s = ctx;
	return session_answer(s, REC_WALL, env_wall(s->outer_env));
}

static void inner_rand(void *ctx, void *to, size_t n)
{
	struct session *s = ctx;

	env_rand(s->outer_env, to, n);
	session_record(s, REC_RAND, bytes_of(to, n));
}

void session_record(struct session *s, enum rec_kind k, struct bytes body)
{
	recorder_put(&s->rec, k, s->now_us, body);
}

uint64_t session_answer(struct session *s, enum rec_kind k, uint64_t v)
{
	uint8_t body[10];

	if (s->rec.ops)
		session_record(s, k, bytes_of(body, rec_number(body, v)));
	return v;
}

void session_record_sink(struct session *s, enum rec_kind k, unsigned fn, uint64_t ticket,
			 struct bytes a, struct bytes b)
{
	AUTO(buf) struct buf body = { 0 };
	uint8_t n[10];

	if (!s->rec.ops)
		return;
	buf_putc(&body, (char)fn);
	buf_put(&body, n, rec_number(n, ticket));
	buf_put(&body, n, rec_number(n, a.n));
	buf_put(&body, a.p, a.n);
	buf_put(&body, b.p, b.n);
	if (body.failed)
		session_oom(s);
	else
		session_record(s, k, buf_bytes(&body));
}

/* What an input came with: leg numbers and the like, then octets. */
static void record_input(struct session *s, enum rec_kind k, const uint64_t *n, size_t n_n,
			 struct bytes tail)
{
	AUTO(buf) struct buf body = { 0 };
	uint8_t number[10];

	if (!s->rec.ops)
		return;
	for (size_t i = 0; i < n_n; i++)
		buf_put(&body, number, rec_number(number, n[i]));
	buf_put(&body, tail.p, tail.n);
	if (body.failed)
		session_oom(s);
	else
		session_record(s, k, buf_bytes(&body));
}

#define RECORD(s, k, tail, ...)                                                                    \
	record_input(s, k, (const uint64_t[]){ __VA_ARGS__ },                                      \
		     sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t), tail)

/* --- in and out -------------------------------------------------------------------------- */

static void close_legs(struct session *s, unsigned code, const char *reason)
{
	s->state = SESS_CLOSED;
	for (size_t i = 0; i < SESSION_LEGS; i++)
		if (s->legs[i].leg)
			s->legs[i].leg->ops->close(s->legs[i].leg, code, reason);
}

/* Everything that runs is for nobody now. */
static void cancel_work(struct session *s)
{
	upstream_close(s);
	hear_free_all(s);
	s->turn.hear = NULL;
	response_free_all(s);
	tools_free_all(s);
	mcp_free_all(s);
	ahead_free(s);
}

static void move_clock(struct session *s, uint64_t now_us)
{
	s->now_us = MAX(s->now_us, now_us);
}

void session_enter(struct session *s, uint64_t now_us)
{
	assert(s->depth == 0);
	s->depth++;
	move_clock(s, now_us);
}

void session_enter_sink(struct session *s)
{
	session_enter(s, env_now(s->outer_env));
}

void session_leave(struct session *s)
{
	if (session_serves(s))
		response_pump_all(s);
	if (session_serves(s))
		upstream_pump(s);
	if (session_serves(s) && s->queue)
		response_queue_run(s);
	response_reap(s);
	hear_reap(s);
	if (session_serves(s))
		upstream_pump(s);
	if (session_serves(s))
		tools_settle(s);
	if (session_serves(s))
		mcp_settle(s);
	if (s->broken && s->state == SESS_OPEN)
		close_legs(s, 1011, "out of memory");
	if (s->state == SESS_CLOSED)
		cancel_work(s);
	s->asking = (struct asking){ 0 };
	s->depth--;
	uint64_t next = session_next_us(s);
	if (next == s->told_next_us)
		return;
	s->told_next_us = next;
	if (s->host.on_next)
		s->host.on_next(s->host.ctx, s, next);
}

void session_oom(struct session *s)
{
	s->broken = true;
}

bool session_serves(const struct session *s)
{
	return s->state == SESS_OPEN && !s->broken;
}

uint64_t session_ticket(struct session *s)
{
	return ++s->next_ticket;
}

/* prefix, what is random about this session, a count: unique, and in order of time. */
void session_new_id(struct session *s, const char *prefix, char to[static ID_MAX])
{
	static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	char count[9] = "00000000";
	uint64_t n = s->next_id++;

	for (size_t i = 8; i-- > 0 && n; n /= 62)
		count[i] = set[n % 62];
	snprintf(to, ID_MAX, "%s%s%s", prefix, s->seed, count);
}

struct leg *session_main(const struct session *s)
{
	for (size_t i = 0; i < SESSION_LEGS; i++)
		if (s->legs[i].leg && s->legs[i].role == LEG_MAIN)
			return s->legs[i].leg;
	return NULL;
}

unsigned session_paced_hz(const struct session *s)
{
	const struct leg *l = session_main(s);

	return !l ? s->paced_hz : l->ops->caps & LEG_AUDIO_PACED ? l->ops->out_rate_hz : 0;
}

bool session_paced(const struct session *s)
{
	return session_paced_hz(s) != 0;
}

unsigned slot_index(const struct session *s, const struct leg_slot *l)
{
	return (unsigned)(l - s->legs);
}

struct leg_slot *slot_of_number(struct session *s, uint64_t number)
{
	for (size_t i = 0; i < SESSION_LEGS; i++)
		if (s->legs[i].leg && s->legs[i].number == number)
			return &s->legs[i];
	return NULL;
}

static struct leg_slot *slot_of(struct session *s, const struct leg *l)
{
	for (size_t i = 0; i < SESSION_LEGS; i++)
		if (s->legs[i].leg == l)
			return &s->legs[i];
	return NULL;
}

/* --- life -------------------------------------------------------------------------------- */

static int64_t expiry_s(const struct session *s)
{
	return (int64_t)((env_wall(&s->env) + s->max_us) / US_PER_S);
}

static enum config_scope scope_of(enum session_kind k)
{
	return k == SESSION_REALTIME ? SCOPE_REALTIME : SCOPE_TRANSCRIPTION;
}

/* The defaults, and over them what was minted or posted. */
static int make_config(const struct session_params *p, const char *id, int64_t expires_at,
		       json_t **out, struct api_error *e)
{
	AUTO(json) json_t *base = config_default(p, id, expires_at);

	if (!base)
		return -ENOMEM;
	if (p->config)
		return config_merge(base, p->config, p->config_dialect, scope_of(p->kind), out, e);
	*out = json_incref(base);
	return 0;
}

int session_config_preview(const struct session_params *p, json_t **out, struct api_error *e)
{
	AUTO(json) json_t *config = NULL;
	char id[ID_MAX];

	env_id(p->env, "sess_", id, 21);
	int err = make_config(p, id, 0, &config, e);
	if (err)
		return err;
	*out = dialect_session(p->dialect, config);
	return *out ? 0 : -ENOMEM;
}

static int copy_string(const char *from, char **to)
{
	*to = from ? mem_strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

/* What of the tools decides how a session goes. */
static json_t *tools_record(const struct engines *e)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < e->n_tools; i++) {
		const struct tool_def *t = &e->tools[i];

		if (json_array_append_new(list, json_pack("{s:s,s:i,s:i,s:b,s:I,s:s?}", "name", t->name,
							  "effect", t->effect, "when", t->when, "unasked",
							  t->unasked, "time_ms", (json_int_t)t->time_ms,
							  "filler", t->filler)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* What a replay needs to know of engines. */
static json_t *engines_json(const struct engines *e)
{
	return json_pack("{s:b,s:b,s:i,s:i,s:b,s:b,s:s,s:b,s:b,s:b,s:b,s:b,s:[o,o,o,o]}", "realtime",
			 e->realtime_ops != NULL, "service_turns", e->service_turns, "tts_rate_hz",
			 e->tts_ops ? (int)e->tts_ops->rate_hz : 0, "stt_caps",
			 e->stt_ops ? (int)e->stt_ops->caps : -1, "llm", e->llm_ops != NULL, "cites",
			 e->llm_ops && e->llm_ops->cites, "llm_name",
			 e->llm_ops ? e->llm_ops->name : "", "search_ahead", e->search_ahead,
			 "search_first", e->search_first, "mcp", e->mcp_ops != NULL,
			 "stt_bill", e->stt_ops && e->stt_ops->bill, "tts_bill",
			 e->tts_ops && e->tts_ops->bill, "prices",
			 cost_price_json(e->stt_price), cost_price_json(e->llm_price),
			 cost_price_json(e->tts_price), cost_price_json(e->realtime_price));
}

void session_record_engines(struct session *s, const struct engines *e)
{
	AUTO(buf) struct buf text = { 0 };

	if (!s->rec.ops)
		return;
	AUTO(json) json_t *v = e ? engines_json(e) : json_object();
	json_write(&text, v);
	if (text.failed)
		session_oom(s);
	else
		session_record(s, REC_ENGINES, buf_bytes(&text));
}

static void record_params(struct session *s, const struct session_params *p)
{
	if (!s->rec.ops)
		return;
	AUTO(json)
	json_t *v = json_pack("{s:i,s:i,s:b,s:i,s:i,s:s?,s:s?,s:s?,s:s?,s:s?,s:s?,s:O?,s:I,s:I,s:b,s:s?,s:o}",
			      "dialect", p->dialect, "config_dialect", p->config_dialect, "enforced",
			      p->enforced, "paced_hz", (int)p->paced_hz, "kind", p->kind, "model", p->model,
			      "instructions", p->instructions, "voice", p->voice, "language",
			      p->language, "collection", p->collection, "groups", p->groups, "config", p->config,
			      "max_us", (json_int_t)p->max_us, "grace_us",
			      (json_int_t)p->grace_us, "budgets", p->payers.ops != NULL, "currency",
			      p->payers.currency, "tools", tools_record(p->engines));
	AUTO(json) json_t *engines = engines_json(p->engines);
	AUTO(buf) struct buf text = { 0 };

	if (!v || !engines || json_object_update(v, engines) != 0) {
		session_oom(s);
		return;
	}
	json_write(&text, v);
	if (text.failed)
		session_oom(s);
	else
		session_record(s, REC_PARAMS, buf_bytes(&text));
}

static int init(struct session *s, const struct session_params *p, struct api_error *e)
{
	s->max_us = p->max_us ? p->max_us : (uint64_t)MAX_S * US_PER_S;
	s->grace_us = p->grace_us ? p->grace_us : (uint64_t)GRACE_S * US_PER_S;
	s->alone_us = UINT64_MAX;
	record_params(s, p);
	env_id(&s->env, "", s->seed, 13);
	session_new_id(s, "sess_", s->id);
	session_new_id(s, "conv_", s->conversation_id);
	s->expires_us = s->now_us + s->max_us;
	if (copy_string(p->language, &s->language) || copy_string(p->collection, &s->collection) ||
	    copy_string(p->groups, &s->groups))
		return -ENOMEM;
	int err = make_config(p, s->id, expiry_s(s), &s->config, e);
	if (err)
		return err;
	config_read(s->config, &s->set);
	s->mcp.wanted = s->enforced ? NULL : json_incref(json_object_get(p->config, "tools"));
	err = cost_begin(s, &p->payers);
	return s->broken ? -ENOMEM : err;
}

int session_new(struct session **out, const struct session_params *p, struct api_error *e)
{
	struct session *s = mem_zalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->env = (struct env){ s, inner_now, inner_wall, inner_rand };
	s->outer_env = p->env;
	s->rec = p->recorder;
	s->loop = p->loop;
	s->engines = *p->engines;
	s->dialect = p->dialect;
	s->enforced = p->enforced;
	s->paced_hz = p->paced_hz;
	s->kind = p->kind;
	s->now_us = env_now(p->env);
	s->told_next_us = UINT64_MAX;
	conv_init(&s->conv);
	list_init(&s->responses);
	list_init(&s->hearings);
	list_init(&s->calls);
	list_init(&s->more_tools);
	mcp_init(s);
	int err = init(s, p, e);
	if (err) {
		session_free(s);
		return err;
	}
	upstream_init(s);
	s->host = p->host;
	*out = s;
	return 0;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	s->state = SESS_CLOSED;
	cancel_work(s);
	cost_end(s);
	turn_done(&s->turn);
	audio_in_done(&s->in);
	upstream_done(s);
	conv_done(&s->conv);
	consent_clear(s);
	json_decref(s->config);
	json_decref(s->queue);
	json_decref(s->texts);
	mem_free(s->language);
	mem_free(s->collection);
	mem_free(s->groups);
	mem_free(s);
}

/* What only the flat dialects have goes; the silence that ends a turn is as it was. */
bool session_speak_ga(struct session *s)
{
	json_t *to = json_deep_copy(s->config), *turns = config_at(to, "audio.input.turn_detection");
	bool ok = to != NULL;

	if (ok && json_object_get(to, "temperature"))
		ok = json_object_del(to, "temperature") == 0;
	if (ok && strcmp(json_str(turns, "type", ""), "server_vad") == 0)
		ok = json_object_set_new(turns, "idle_timeout_ms", json_null()) == 0;
	if (!ok) {
		json_decref(to);
		session_oom(s);
		return false;
	}
	json_decref(s->config);
	s->config = to;
	s->dialect = DIALECT_GA;
	config_read(s->config, &s->set);
	return true;
}

const char *session_id(const struct session *s)
{
	return s->id;
}

static struct leg_slot *free_slot(struct session *s, enum leg_role r)
{
	if (r == LEG_MAIN)
		return s->legs[0].leg ? NULL : &s->legs[0];
	for (size_t i = 1; i < SESSION_LEGS; i++)
		if (!s->legs[i].leg)
			return &s->legs[i];
	return NULL;
}

int session_attach(struct session *s, struct leg *l, enum leg_role r, uint64_t now_us)
{
	struct leg_slot *slot = free_slot(s, r);

	if (s->state != SESS_OPEN)
		return -ESHUTDOWN;
	if (!slot)
		return -EBUSY;
	session_enter(s, now_us);
	RECORD(s, REC_ATTACH, (struct bytes){ 0 }, slot_index(s, slot), r, l->ops->caps,
	       l->ops->out_rate_hz, l->ops->room != NULL, l->view);
	*slot = (struct leg_slot){ .leg = l, .role = r, .number = ++s->n_attached };
	if (l->view == VIEW_CONTROL)
		s->alone_us = UINT64_MAX;
	if (r == LEG_MAIN)
		s->paced_hz = 0;
	s->asking.from = slot;
	emit(s, EV_SESSION_CREATED, json_pack("{s:O}", "session", s->config));
	slot->told = true;
	mcp_configure(s, NULL);
	upstream_attached(s);
	session_leave(s);
	return 0;
}

void session_set_view(struct session *s, struct leg *l, enum leg_view v, uint64_t now_us)
{
	struct leg_slot *slot = slot_of(s, l);

	if (!slot)
		return;
	session_enter(s, now_us);
	RECORD(s, REC_VIEW, (struct bytes){ 0 }, slot_index(s, slot), v);
	l->view = v;
	session_leave(s);
}

static bool has_control(const struct session *s)
{
	for (size_t i = 0; i < SESSION_LEGS; i++)
		if (s->legs[i].leg && s->legs[i].leg->view == VIEW_CONTROL)
			return true;
	return false;
}

static bool has_legs(const struct session *s)
{
	for (size_t i = 0; i < SESSION_LEGS; i++)
		if (s->legs[i].leg)
			return true;
	return false;
}

void session_detach(struct session *s, struct leg *l, uint64_t now_us)
{
	struct leg_slot *slot = slot_of(s, l);

	if (!slot)
		return;
	session_enter(s, now_us);
	RECORD(s, REC_DETACH, (struct bytes){ 0 }, slot_index(s, slot));
	enum leg_role role = slot->role;
	*slot = (struct leg_slot){ 0 };
	if (l->view == VIEW_CONTROL && !has_control(s))
		s->alone_us = s->now_us + s->grace_us;
	if (role == LEG_MAIN && s->state == SESS_OPEN)
		close_legs(s, 1000, "the call has ended");
	session_leave(s);
	if (!has_legs(s) && s->host.on_over)
		s->host.on_over(s->host.ctx, s); /* may free s */
}

void session_close(struct session *s, unsigned code, const char *reason, uint64_t now_us)
{
	if (s->state != SESS_OPEN)
		return;
	session_enter(s, now_us);
	RECORD(s, REC_CLOSE, bytes_str(reason), code);
	close_legs(s, code, reason);
	session_leave(s);
}

/* --- inputs ------------------------------------------------------------------------------ */

void session_on_message(struct session *s, struct leg *from, struct bytes json, uint64_t now_us)
{
	struct leg_slot *slot = slot_of(s, from);

	if (!slot || !session_serves(s))
		return;
	session_enter(s, now_us);
	RECORD(s, REC_MESSAGE, json, slot_index(s, slot));
	s->n_messages++;
	s->asking.from = slot;
	route_message(s, json);
	session_leave(s);
}

void session_on_binary(struct session *s, struct leg *from, uint64_t now_us)
{
	struct leg_slot *slot = slot_of(s, from);

	if (!slot || !session_serves(s))
		return;
	session_enter(s, now_us);
	RECORD(s, REC_BINARY, (struct bytes){ 0 }, slot_index(s, slot));
	s->asking.from = slot;
	error_send(s, ERR_INVALID_EVENT, NULL,
		   "Binary messages are not supported: send each event as JSON text.");
	session_leave(s);
}

void session_on_audio(struct session *s, const struct frame *f, uint64_t now_us)
{
	if (!session_serves(s))
		return;
	assert(f->rate_hz == STT_RATE_HZ);
	session_enter(s, now_us);
	RECORD(s, REC_AUDIO, bytes_of(f->pcm, f->n * sizeof(*f->pcm)), f->ts);
	audio_in_push(s, f->pcm, f->n);
	session_leave(s);
}

void session_on_playout(struct session *s, uint64_t tag, enum leg_playout p, uint64_t now_us)
{
	if (!session_serves(s))
		return;
	session_enter(s, now_us);
	RECORD(s, REC_PLAYOUT, (struct bytes){ 0 }, tag, p);
	struct response *r = response_by_tag(s, tag);
	if (r)
		response_playout(r, p);
	session_leave(s);
}

void session_on_writable(struct session *s, struct leg *l, uint64_t now_us)
{
	struct leg_slot *slot = slot_of(s, l);

	if (!slot || !session_serves(s))
		return;
	session_enter(s, now_us);
	RECORD(s, REC_WRITABLE, (struct bytes){ 0 }, slot_index(s, slot));
	session_leave(s); /* pumps */
}

uint64_t session_next_us(const struct session *s)
{
	if (!session_serves(s))
		return UINT64_MAX;
	uint64_t next = MIN(s->expires_us, s->alone_us);
	next = MIN(next, hear_next_us(s));
	next = MIN(next, turn_next_us(s));
	next = MIN(next, tools_next_us(s));
	next = MIN(next, filler_next_us(s));
	next = MIN(next, upstream_next_us(s));
	return MIN(next, response_next_us(s));
}

static void expire(struct session *s)
{
	error_send(s, ERR_SESSION_EXPIRED, NULL,
		   "Your session hit the maximum duration of %u minutes.",
		   (unsigned)(s->max_us / US_PER_S / 60));
	close_legs(s, 1001, "Your session hit its maximum duration.");
}

void session_on_time(struct session *s, uint64_t now_us)
{
	if (!session_serves(s) || now_us < session_next_us(s))
		return;
	session_enter(s, now_us);
	RECORD(s, REC_TIME, (struct bytes){ 0 }, 0);
	if (s->now_us >= s->expires_us) {
		expire(s);
	} else if (s->now_us >= s->alone_us) {
		close_legs(s, 1000, "the control connection is gone");
	} else {
		hear_on_time(s);
		turn_on_time(s);
		tools_on_time(s);
		filler_on_time(s);
		upstream_on_time(s);
	}
	session_leave(s);
}
