#include "session/cost.h"

#include <string.h>

#include "base/meter.h"
#include "engine/price.h"
#include "session/state.h"

const struct engine_error cost_exhausted = {
	"insufficient_quota",
	"The budget of this conversation is used up, and nothing is left that costs nothing.",
};

const char *cost_level_name(enum cost_level l)
{
	static const char *const names[] = { [COST_FULL] = "full",
					     [COST_COMPACT] = "compact",
					     [COST_CHEAPER] = "cheaper",
					     [COST_EMBEDDED] = "embedded" };

	return names[l];
}

enum cost_level cost_level_at(uint64_t used, uint64_t budget)
{
	/* The history is short in the last three tenths, and the engines cheap in the last half of these. */
	static const struct {
		double from;
		enum cost_level level;
	} steps[] = { { 1, COST_EMBEDDED }, { 0.85, COST_CHEAPER }, { 0.7, COST_COMPACT } };

	for (size_t i = 0; budget && i < ARRAY_LEN(steps); i++)
		if ((double)used >= (double)budget * steps[i].from)
			return steps[i].level;
	return COST_FULL;
}

/* --- who pays ------------------------------------------------------------------------------ */

int cost_begin(struct session *s, const struct payers *p)
{
	struct costs *c = &s->costs;

	c->payers = *p;
	for (size_t i = 0; i < N_COST_SCOPES; i++)
		c->left.money[i] = c->left.tokens[i] = COST_UNLIMITED;
	c->left.tokens_limit = COST_UNLIMITED;
	return p->ops ? p->ops->begin(p->ctx, p->key, &c->payer) : 0;
}

/* What the payer answers is an input of the session. */
static void record_level(struct session *s)
{
	const struct cost_left *left = &s->costs.left;
	AUTO(buf) struct buf body = { 0 };
	uint8_t n[10];

	if (!s->rec.ops)
		return;
	buf_putc(&body, (char)s->costs.level);
	for (size_t i = 0; i < COST_LEFT_NUMBERS; i++)
		buf_put(&body, n, rec_number(n, *cost_left_number((struct cost_left *)(uintptr_t)left, i)));
	if (body.failed)
		session_oom(s);
	else
		session_record(s, REC_LEVEL, buf_bytes(&body));
}

uint64_t *cost_left_number(struct cost_left *left, size_t i)
{
	uint64_t *const rest[] = { &left->tokens_limit, &left->tokens_remaining, &left->reset_s };

	if (i < N_COST_SCOPES)
		return &left->money[i];
	if (i < 2 * N_COST_SCOPES)
		return &left->tokens[i - N_COST_SCOPES];
	return rest[i - 2 * N_COST_SCOPES];
}

enum cost_level cost_level(struct session *s)
{
	struct costs *c = &s->costs;

	if (!c->payer)
		return COST_FULL;
	c->level = c->payers.ops->spend(c->payer, &c->owed, &c->left);
	c->owed = (struct cost){ 0 };
	record_level(s);
	return c->level;
}

void cost_end(struct session *s)
{
	struct costs *c = &s->costs;

	if (!c->payer)
		return;
	c->payers.ops->spend(c->payer, &c->owed, &c->left);
	c->payers.ops->end(c->payer);
	c->payer = NULL;
}

static const struct engines *ask_engines(struct session *s, enum cost_level l)
{
	struct costs *c = &s->costs;

	if (!c->asked[l]) {
		c->asked[l] = true;
		c->engines[l] = c->payers.ops->engines(c->payer, l, s->collection);
		session_record_engines(s, c->engines[l]);
	}
	return c->engines[l];
}

const struct engines *cost_engines(struct session *s, enum cost_level l)
{
	if (l <= COST_COMPACT || !s->costs.payer)
		return &s->engines;
	const struct engines *e = ask_engines(s, l);
	return e || l == COST_EMBEDDED ? e : &s->engines;
}

/* --- counting ------------------------------------------------------------------------------ */

static uint64_t units(double amount, double price)
{
	double v = amount * price * COST_UNIT;

	return v > 0 && v < 1e18 ? (uint64_t)(v + 0.5) : 0;
}

static double part(int n)
{
	return (double)n / 1e6;
}

uint64_t cost_of_tokens(const struct llm_usage *u, const struct price *p)
{
	if (!p)
		return 0;
	/* What was cached is text first: that is what stays the same from turn to turn. */
	int text = u->input_tokens - u->input_audio_tokens, cached = u->cached_tokens;
	int cached_text = MIN(cached, text), cached_audio = cached - cached_text;
	double cached_in = p->cached_in > 0 ? p->cached_in : p->text_in;
	double cached_heard = p->cached_in > 0 ? p->cached_in : p->audio_in;

	return units(part(text - cached_text), p->text_in) + units(part(cached_text), cached_in) +
	       units(part(u->input_audio_tokens - cached_audio), p->audio_in) +
	       units(part(cached_audio), cached_heard) +
	       units(part(u->output_tokens - u->output_audio_tokens), p->text_out) +
	       units(part(u->output_audio_tokens), p->audio_out);
}

static int token_count(int n, int most)
{
	return MIN(MAX(n, 0), most);
}

/* As far as it can be. */
static struct llm_usage sane(const struct llm_usage *u)
{
	int in = token_count(u->input_tokens, COST_TOKENS_MAX);
	int out = token_count(u->output_tokens, COST_TOKENS_MAX);

	return (struct llm_usage){ .input_tokens = in,
				   .output_tokens = out,
				   .input_audio_tokens = token_count(u->input_audio_tokens, in),
				   .cached_tokens = token_count(u->cached_tokens, in),
				   .output_audio_tokens = token_count(u->output_audio_tokens, out),
				   .price = u->price,
				   .meter = u->meter };
}

void cost_add_usage(struct llm_usage *to, const struct llm_usage *u)
{
	const struct llm_usage more = sane(u);

	to->input_tokens += more.input_tokens;
	to->output_tokens += more.output_tokens;
	to->input_audio_tokens += more.input_audio_tokens;
	to->cached_tokens += more.cached_tokens;
	to->output_audio_tokens += more.output_audio_tokens;
}

void cost_add(struct cost *to, const struct cost *c)
{
	to->text_in += c->text_in;
	to->audio_in += c->audio_in;
	to->cached_in += c->cached_in;
	to->text_out += c->text_out;
	to->audio_out += c->audio_out;
	to->heard += c->heard;
	to->characters += c->characters;
	to->money += c->money;
}

uint64_t cost_tokens(const struct cost *c)
{
	return c->text_in + c->audio_in + c->text_out + c->audio_out;
}

struct cost cost_tokens_of(const struct llm_usage *said, const struct price *p)
{
	const struct llm_usage u = sane(said);

	return (struct cost){ .text_in = (uint64_t)(u.input_tokens - u.input_audio_tokens),
			      .audio_in = (uint64_t)u.input_audio_tokens,
			      .cached_in = (uint64_t)u.cached_tokens,
			      .text_out = (uint64_t)(u.output_tokens - u.output_audio_tokens),
			      .audio_out = (uint64_t)u.output_audio_tokens,
			      .money = cost_of_tokens(&u, p) };
}

struct cost cost_audio_of(uint64_t samples, const struct price *p)
{
	double minutes = (double)samples / STT_RATE_HZ / 60;

	return (struct cost){ .heard = samples, .money = p ? units(minutes, p->minute) : 0 };
}

struct cost cost_text_of(const char *text, const struct price *p)
{
	uint64_t n = 0;

	for (const char *c = text; *c; c++)
		n += (*c & 0xC0) != 0x80;
	return (struct cost){ .characters = n, .money = p ? units((double)n / 1e6, p->characters) : 0 };
}

void cost_meter(struct meter *m, const struct cost *c)
{
	meter_add(m, METER_TEXT_IN, c->text_in);
	meter_add(m, METER_AUDIO_IN, c->audio_in);
	meter_add(m, METER_CACHED_IN, c->cached_in);
	meter_add(m, METER_TEXT_OUT, c->text_out);
	meter_add(m, METER_AUDIO_OUT, c->audio_out);
	meter_add(m, METER_HEARD_US, c->heard * US_PER_S / STT_RATE_HZ);
	meter_add(m, METER_CHARACTERS, c->characters);
	meter_add(m, METER_MONEY, c->money);
}

static void count(struct session *s, const struct engines *e, struct meter *m, struct cost c)
{
	cost_add(&s->costs.all, &c);
	cost_add(&s->costs.turn, &c);
	if (e != s->costs.engines[COST_EMBEDDED])
		cost_add(&s->costs.owed, &c);
	cost_meter(m, &c);
}

void cost_answered(struct session *s, const struct engines *e, const struct llm_usage *u)
{
	count(s, e, u->meter ? u->meter : e->llm_meter,
	      cost_tokens_of(u, u->price ? u->price : e->llm_price));
}

void cost_relayed(struct session *s, const struct engines *e, const struct llm_usage *u)
{
	count(s, e, u->meter ? u->meter : e->realtime_meter,
	      cost_tokens_of(u, u->price ? u->price : e->realtime_price));
}

/* Who it was is an input of the session, as far as money goes. */
static struct bill recorded(struct session *s, struct bill b)
{
	uint8_t wire[COST_PRICE_OCTETS];

	if (s->rec.ops)
		session_record(s, REC_BILL, bytes_of(wire, cost_write_price(b.price, wire)));
	return b;
}

void cost_heard(struct session *s, const struct engines *e, const struct stt_turn *t, uint64_t samples)
{
	const struct bill b = e->stt_ops->bill ? recorded(s, e->stt_ops->bill(t))
					       : (struct bill){ e->stt_price, e->stt_meter };

	count(s, e, b.meter, cost_audio_of(samples, b.price));
}

void cost_spoken(struct session *s, const struct engines *e, const struct tts_job *j, const char *text)
{
	const struct bill b = e->tts_ops->bill ? recorded(s, e->tts_ops->bill(j))
					       : (struct bill){ e->tts_price, e->tts_meter };

	count(s, e, b.meter, cost_text_of(text, b.price));
	meter_add(e->tts_meter, METER_REQUESTS, 1);
}

/* --- for the recorder -------------------------------------------------------------------------- */

static double *price_number(struct price *p, size_t i)
{
	double *const all[] = { &p->text_in, &p->text_out, &p->audio_in, &p->audio_out,
				&p->cached_in, &p->minute, &p->characters };

	return i < ARRAY_LEN(all) ? all[i] : NULL;
}

size_t cost_write_price(const struct price *p, uint8_t to[static COST_PRICE_OCTETS])
{
	struct price copy = p ? *p : (struct price){ 0 };
	size_t n = 0;

	for (size_t i = 0; p && price_number(&copy, i); i++, n += 8) {
		uint64_t bits;

		memcpy(&bits, price_number(&copy, i), sizeof(bits));
		put_be64(to + n, bits);
	}
	return n;
}

bool cost_read_price(struct bytes from, struct price *to)
{
	if (from.n != COST_PRICE_OCTETS)
		return false;
	for (size_t i = 0; price_number(to, i); i++) {
		uint64_t bits = be64(from.p + 8 * i);

		memcpy(price_number(to, i), &bits, sizeof(bits));
	}
	return true;
}

size_t cost_write_usage(const struct llm_usage *u, uint8_t to[static COST_USAGE_OCTETS - 4])
{
	const int numbers[] = { u->input_tokens, u->output_tokens, u->input_audio_tokens,
				u->cached_tokens, u->output_audio_tokens };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++, n += 4)
		put_be32(to + n, (uint32_t)numbers[i]);
	return n + cost_write_price(u->price, to + n);
}

bool cost_read_usage(struct bytes from, struct llm_usage *out, struct price *price)
{
	struct llm_usage u = { 0 };
	int *const numbers[] = { &u.input_tokens, &u.output_tokens, &u.input_audio_tokens,
				 &u.cached_tokens, &u.output_audio_tokens };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(numbers) && n + 4 <= from.n; i++, n += 4)
		*numbers[i] = (int)be32(from.p + n);
	if (n < from.n) {
		if (!cost_read_price(bytes_sub(from, n, from.n - n), price))
			return false;
		u.price = price;
	}
	*out = u;
	return n >= 8; /* older records have two numbers */
}

json_t *cost_price_json(const struct price *p)
{
	struct price v = p ? *p : (struct price){ 0 };
	json_t *list = p ? json_array() : json_null();

	for (size_t i = 0; list && p && price_number(&v, i); i++)
		if (json_array_append_new(list, json_real(*price_number(&v, i))) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

bool cost_price_read(const json_t *from, struct price *to)
{
	for (size_t i = 0; price_number(to, i); i++)
		*price_number(to, i) = json_number_value(json_array_get(from, i));
	return json_is_array(from);
}

/* --- telling ------------------------------------------------------------------------------------ */

/* Where nothing has a price there is nothing to say of money. */
static bool priced(const struct session *s)
{
	const struct engines *e = &s->engines;

	return s->costs.payers.currency || e->stt_price || e->llm_price || e->tts_price ||
	       e->realtime_price;
}

static json_t *money_json(const struct session *s, uint64_t money)
{
	return priced(s) && money != COST_UNLIMITED
		       ? json_real((double)money / COST_UNIT)
		       : json_null();
}

static json_t *cost_json(const struct session *s, const struct cost *c)
{
	return json_pack("{s:{s:I,s:I,s:I,s:I,s:I},s:I,s:I,s:o}", "tokens", "input_text",
			 (json_int_t)c->text_in, "input_audio", (json_int_t)c->audio_in, "cached",
			 (json_int_t)c->cached_in, "output_text", (json_int_t)c->text_out,
			 "output_audio", (json_int_t)c->audio_out, "heard_ms",
			 (json_int_t)(c->heard / (STT_RATE_HZ / 1000)), "characters",
			 (json_int_t)c->characters, "money", money_json(s, c->money));
}

/* What has no budget is null. */
static json_t *left_json(const struct session *s, enum cost_scope which)
{
	uint64_t money = s->costs.left.money[which], tokens = s->costs.left.tokens[which];

	if (money == COST_UNLIMITED && tokens == COST_UNLIMITED)
		return json_null();
	return json_pack("{s:o,s:o}", "money", money_json(s, money), "tokens",
			 tokens == COST_UNLIMITED ? json_null() : json_integer((json_int_t)tokens));
}

void cost_tell(struct response *r)
{
	struct session *s = r->s;
	struct costs *c = &s->costs;

	(void)cost_level(s); /* what is left is after this response */
	emit(s, EV_X_COST,
	     json_pack("{s:s,s:s,s:s?,s:o,s:o,s:{s:o,s:o,s:o}}", "response_id", r->id, "level",
		       cost_level_name(r->level), "currency", c->payers.currency, "turn",
		       cost_json(s, &c->turn), "session", cost_json(s, &c->all), "left", "session",
		       left_json(s, COST_OF_SESSION), "key", left_json(s, COST_OF_KEY), "day",
		       left_json(s, COST_OF_DAY)));
	c->turn = (struct cost){ 0 };
}
