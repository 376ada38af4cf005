/* replay_give.c - what engines said in a recorded session, to the sinks of the one that replays it. */
#include <string.h>

#include "base/alloc.h"
#include "session/replay_inner.h"

/* A string that ends with the body, or n octets of it. NULL: malformed or no memory. */
char *replay_take_text(struct bytes *b, uint64_t n)
{
	if (n > b->n)
		return NULL;
	char *text = mem_alloc(n + 1);
	if (!text)
		return NULL;
	memcpy(text, b->p, n);
	text[n] = 0;
	*b = bytes_sub(*b, n, b->n - n);
	return text;
}

/* What a sink was called with. Texts are the caller's. */
struct call {
	unsigned fn;
	uint64_t ticket;
	char *a, *b;
	size_t a_n, b_n;
};

static void call_auto_(struct call *c)
{
	mem_free(c->a);
	mem_free(c->b);
}

static bool take_call(struct player *p, struct bytes body, struct call *c)
{
	uint64_t n;

	if (body.n < 1)
		return false;
	c->fn = body.p[0];
	body = bytes_sub(body, 1, body.n - 1);
	if (!rec_take_number(&body, &c->ticket) || !rec_take_number(&body, &n))
		return false;
	c->a_n = n;
	if (!(c->a = replay_take_text(&body, n)))
		return false;
	c->b_n = body.n;
	c->b = replay_take_text(&body, body.n);
	(void)p;
	return c->b;
}

static void give_stt(struct player *p, const struct call *c)
{
	const struct engine_error e = { c->a, c->b };
	const struct stt_sink *k = p->stt_sink;

	if (!k)
		p->malformed = true;
	else if (c->fn == 0)
		k->on_partial(p->s, c->ticket, c->a);
	else if (c->fn == 1)
		k->on_settled(p->s, c->ticket, c->a);
	else if (c->fn == 2)
		k->on_final(p->s, c->ticket, c->a);
	else
		k->on_error(p->s, c->ticket, &e);
}

static void give_llm_done(struct player *p, const struct call *c)
{
	const uint8_t *n = (const uint8_t *)c->a;

	struct price price;
	struct llm_usage u;

	if (c->a_n < 4 || !cost_read_usage(bytes_of(n + 4, c->a_n - 4), &u, &price)) {
		p->malformed = true;
		return;
	}
	p->llm_sink->on_done(p->s, c->ticket, (enum llm_finish)MIN(be32(n), 2u), &u);
}

static void give_llm(struct player *p, const struct call *c)
{
	const struct engine_error e = { c->a, c->b };
	const struct llm_sink *k = p->llm_sink;
	char why[160];
	AUTO(json)
	json_t *source = k && c->fn == 1 ? json_parse(bytes_of(c->a, c->a_n), why) : NULL;

	if (!k || (c->fn == 1 && !source))
		p->malformed = true;
	else if (c->fn == 0)
		k->on_text(p->s, c->ticket, c->a);
	else if (c->fn == 1)
		k->on_cite(p->s, c->ticket, source);
	else if (c->fn == 2)
		k->on_call(p->s, c->ticket, c->a, c->b);
	else if (c->fn == 3)
		give_llm_done(p, c);
	else if (c->fn == 5)
		k->on_cites(p->s, c->ticket);
	else
		k->on_error(p->s, c->ticket, &e);
}

static void give_word(struct player *p, const struct call *c)
{
	const uint8_t *n = (const uint8_t *)c->b;

	if (c->b_n == 16)
		p->tts_sink->on_word(p->s, c->ticket, c->a, (size_t)be64(n), (size_t)be64(n + 8));
	else
		p->malformed = true;
}

static void give_viseme(struct player *p, const struct call *c)
{
	const uint8_t *n = (const uint8_t *)c->a;

	if (c->a_n == 12)
		p->tts_sink->on_viseme(p->s, c->ticket, be32(n + 8), (size_t)be64(n));
	else
		p->malformed = true;
}

static void give_tts(struct player *p, const struct call *c)
{
	const struct engine_error e = { c->a, c->b };
	const struct tts_sink *k = p->tts_sink;

	if (!k)
		p->malformed = true;
	else if (c->fn == 0)
		k->on_audio(p->s, c->ticket, (const int16_t *)(void *)c->a, c->a_n / 2);
	else if (c->fn == 1)
		give_word(p, c);
	else if (c->fn == 2)
		k->on_done(p->s, c->ticket);
	else if (c->fn == 4)
		give_viseme(p, c);
	else
		k->on_error(p->s, c->ticket, &e);
}

static void give_tool(struct player *p, const struct call *c)
{
	if (p->tool_sink)
		p->tool_sink->on_output(p->s, c->ticket, c->a);
	else
		p->malformed = true;
}

static void give_mcp(struct player *p, const struct call *c)
{
	const struct engine_error e = { c->a, c->b };
	char why[160];
	AUTO(json) json_t *tools = p->mcp_sink && c->fn == 0 ? json_parse(bytes_of(c->a, c->a_n), why) : NULL;

	if (!p->mcp_sink || (c->fn == 0 && !json_is_array(tools)))
		p->malformed = true;
	else if (c->fn == 0)
		p->mcp_sink->on_tools(p->s, c->ticket, tools);
	else
		p->mcp_sink->on_error(p->s, c->ticket, &e);
}

static void give_realtime(struct player *p, const struct call *c)
{
	if (!replay_realtime_give(&p->realtime, p->s, c->fn, c->ticket, bytes_of(c->a, c->a_n),
				  bytes_of(c->b, c->b_n)))
		p->malformed = true;
}

void replay_sink_call(struct player *p, const struct rec *rec)
{
	__attribute__((cleanup(call_auto_))) struct call c = { 0 };
	static void (*const give[])(struct player *,
				    const struct call *) = { [REC_STT] = give_stt,
							     [REC_LLM] = give_llm,
							     [REC_TTS] = give_tts,
							     [REC_TOOL] = give_tool,
							     [REC_MCP] = give_mcp,
							     [REC_REALTIME] = give_realtime };

	if (take_call(p, rec->body, &c))
		give[rec->kind](p, &c);
	else
		p->malformed = true;
}
