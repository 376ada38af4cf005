/* upstream_out.c - what a realtime service says: from its text and audio to pieces of a response.
 *
 * The transcript runs ahead of the audio, or comes behind it. A word is shown when the audio has
 * come about as far: so captions are in step, and when the line breaks what was said is known.
 * Where a word is in the audio is estimated by proportion, and put right when all is there. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "session/upstream_inner.h"

enum {
	PACE_US = 62000, /* of speech per octet, before anything has been learnt */
	PACE_MIN_US = 25000,
	PACE_MAX_US = 150000,
	LEARN_FROM = 20,  /* octets of an answer that says something about the pace */
	PIECE_MAX = 48,   /* octets of transcript that are shown at once */
	AHEAD_MAX_S = 600, /* of audio that has not left: nobody listens that long */
};

static const char go_on_text[] =
	"Your last message was cut off by a fault of the line. Go on exactly after its last word, as "
	"if nothing had happened: repeat nothing, greet nobody, do not mention the fault.";

static struct response *of(struct node *n)
{
	return CONTAINER_OF(n, struct response, node);
}

static struct response *answerer(struct session *s, uint64_t ref)
{
	LIST_FOR (&s->responses, n)
		if (of(n)->up.asked && ref && of(n)->up.ref == ref)
			return of(n);
	return NULL;
}

/* Everything a sink of an answer begins with. */
static struct response *enter(struct session *s, uint64_t link, enum up_call fn, uint64_t ref,
			      struct bytes what)
{
	uint8_t number[8];

	put_be64(number, ref);
	bool live = up_enter(s, link, fn, bytes_of(number, sizeof(number)), what);
	struct response *r = live ? answerer(s, ref) : NULL;
	if (r) {
		r->up.seen_us = s->now_us;
		s->up.useful = true;
	}
	return r;
}

/* As enter(), where the service says something: its message gets a name that it is known by. */
static struct response *enter_said(struct session *s, uint64_t link, enum up_call fn, uint64_t ref,
				   struct bytes what)
{
	struct response *r = enter(s, link, fn, ref, what);

	if (r && !r->up.name[0]) {
		session_new_id(s, "item_", r->up.name);
		s->engines.realtime_ops->name_item(s->up.link, ref, r->up.name);
	}
	return r;
}

/* --- asking ------------------------------------------------------------------------------ */

static void begin_answer(struct response *r)
{
	r->up.text_from = r->text.n;
	r->up.text_n = 0;
	r->up.audio_n = 0;
	r->up.pace_us = 0;
	r->up.filling = NULL;
	r->up.name[0] = 0;
}

bool upstream_answers(const struct response *r)
{
	return upstream_carries(r->s) && r->engines && r->engines->realtime_ops;
}

void upstream_ask(struct response *r)
{
	struct session *s = r->s;

	if (!r->up.asked)
		r->up.asked_us = s->now_us;
	r->up.asked = true;
	r->up.seen_us = s->now_us;
	r->up.ref = 0;
	begin_answer(r);
	filler_wait(r);
	if (!s->up.link)
		return; /* asked when there is one */
	up_tell_scratch(r);
	AUTO(json) json_t *members = up_ask_json(r);
	if (!members) {
		session_oom(s);
		return;
	}
	const struct realtime_ask a = { json_is_null(members) ? NULL : members };
	r->up.ref = session_ticket(s);
	int err = s->engines.realtime_ops->ask(s->up.link, &a, r->up.ref);
	if (session_answer(s, REC_START, err != 0) == 0)
		return;
	r->up.asked = false;
	response_fail(r, "engine_unavailable", "The service could not be asked.");
}

/* --- pieces ------------------------------------------------------------------------------ */

static struct piece *piece_of(struct node *n)
{
	return CONTAINER_OF(n, struct piece, node);
}

static uint64_t heard_us(const struct response *r)
{
	return r->up.audio_n * US_PER_S / REALTIME_RATE_HZ;
}

/* Of speech per octet of text, as far as known. */
static uint32_t pace_us(const struct response *r)
{
	uint64_t now = r->up.text_n ? heard_us(r) / r->up.text_n : 0;

	if (r->up.pace_us)
		return r->up.pace_us;
	/* Behind its audio, the transcript itself says how fast it is spoken. */
	return (uint32_t)MIN(MAX(now, r->s->up.pace_us ? r->s->up.pace_us : PACE_US),
			     (uint64_t)PACE_MAX_US);
}

static void mark_piece(const struct response *r, struct piece *p)
{
	p->ref = r->up.ref;
	memcpy(p->part, r->up.name, sizeof(p->part));
}

static struct piece *add_piece(struct response *r, const char *text, size_t n)
{
	struct piece *p = piece_add(r, PIECE_SPEECH, text, n);

	if (!p) {
		session_oom(r->s);
		return NULL;
	}
	mark_piece(r, p);
	p->from = r->up.text_n;
	r->up.text_n += n;
	p->to = r->up.text_n;
	return p;
}

/* Where its words are in its audio: by proportion. */
static bool find_words(const struct response *r, struct piece *p, char before)
{
	uint64_t pace = pace_us(r);

	for (size_t i = 0; p->text[i]; i++) {
		char last = i ? p->text[i - 1] : before;

		if (p->text[i] == ' ' || last != ' ')
			continue;
		if (!mem_grow(&p->words, &p->cap_words, p->n_words, sizeof(*p->words)))
			return false;
		p->words[p->n_words++] =
			(struct word){ (uint32_t)i, (uint32_t)(i * pace / US_PER_MS),
				       (uint32_t)(strcspn(p->text + i, " ") * pace / US_PER_MS) };
	}
	return true;
}

/* How much of a text is shown at once: no more than its audio may be behind. */
static size_t portion(const char *text)
{
	size_t n = strlen(text), cut = PIECE_MAX;

	if (n <= PIECE_MAX)
		return n;
	while (cut > 0 && text[cut] != ' ')
		cut--;
	if (cut)
		return cut;
	for (cut = PIECE_MAX; cut > 1 && ((uint8_t)text[cut] & 0xC0) == 0x80; cut--)
		;
	return cut;
}

static bool fits(struct response *r, const char *text)
{
	if (r->text.n + strlen(text) + 1 <= SESSION_ANSWER_MAX)
		return true;
	r->outcome = OUTCOME_INCOMPLETE;
	return false;
}

/* The first words behind those of another answer, with a space between. NULL: no memory. */
static const char *behind(struct response *r, const char *text, char **owned)
{
	if (r->up.text_n || !r->text.n || text[0] == ' ' || r->text.p[r->text.n - 1] == ' ')
		return text;
	*owned = mem_printf(" %s", text);
	if (!*owned)
		session_oom(r->s);
	return *owned;
}

static void take_transcript(struct response *r, const char *text)
{
	AUTO(mem) char *owned = NULL;

	while (r->text.n == 0 && *text == ' ')
		text++;
	if (!text[0] || !fits(r, text))
		return;
	filler_drop(r);
	if (!(text = behind(r, text, &owned)))
		return;
	for (size_t n; *text && !r->s->broken; text += n) {
		char before = r->text.n ? (char)r->text.p[r->text.n - 1] : ' ';

		n = portion(text);
		struct piece *p = add_piece(r, text, n);
		buf_put(&r->text, text, n);
		if (r->text.failed || (p && !find_words(r, p, before)))
			session_oom(r->s);
	}
	cite_text(r, CITE_MORE);
}

/* The text of a written answer, or of one that its service does not speak. */
static void take_text(struct response *r, const char *text)
{
	AUTO(mem) char *owned = NULL;
	size_t before = r->text.n;

	if (!r->fresh && !(text = behind(r, text, &owned)))
		return;
	speak_text(r, text);
	r->up.text_n += r->text.n - before;
	if (r->set.text_only && !list_empty(&r->pieces))
		mark_piece(r, piece_of(r->pieces.head.prev));
}

void up_on_text(void *owner, uint64_t link, uint64_t ref, const char *text)
{
	struct session *s = owner;
	struct response *r = enter_said(s, link, CALL_TEXT, ref, bytes_str(text));

	if (r && text[0]) {
		response_mark(r, MARK_FIRST_TEXT);
		if (r->set.text_only || s->engines.tts_ops)
			take_text(r, text);
		else
			take_transcript(r, text);
	}
	session_leave(s);
}

void up_on_transcript(void *owner, uint64_t link, uint64_t ref, const char *text)
{
	struct session *s = owner;
	struct response *r = enter_said(s, link, CALL_TRANSCRIPT, ref, bytes_str(text));

	if (r && text[0]) {
		response_mark(r, MARK_FIRST_TEXT);
		if (r->set.text_only)
			take_text(r, text);
		else
			take_transcript(r, text);
	}
	session_leave(s);
}

/* --- audio ------------------------------------------------------------------------------- */

static struct piece *after(const struct response *r, struct piece *p)
{
	struct node *n = p ? p->node.next : r->pieces.head.next;

	for (; n != &r->pieces.head; n = n->next)
		if (piece_of(n)->kind == PIECE_SPEECH && piece_of(n)->ref == r->up.ref)
			return piece_of(n);
	return NULL;
}

/* The piece that is being said now: up to which the audio has come. */
static struct piece *filling(struct response *r)
{
	struct piece *p = r->up.filling, *next;

	while ((next = after(r, p)) && (!p || next->from * (uint64_t)pace_us(r) <= heard_us(r))) {
		if (p)
			p->spoken = true;
		p = next;
	}
	if (!p)
		p = add_piece(r, "", 0);
	r->up.filling = p;
	return p;
}

static size_t unsent(const struct response *r)
{
	size_t n = 0;

	LIST_FOR ((struct list *)(uintptr_t)&r->pieces, x)
		n += piece_of(x)->audio.n - piece_of(x)->sent;
	return n;
}

static int keep(struct response *r, struct piece *p, const int16_t *pcm, size_t n)
{
	if (r->paced || r->oob)
		return 0;
	return rate_convert(&r->up.keep_rate, REALTIME_RATE_HZ, STT_RATE_HZ, pcm, n,
			    p->shown ? &r->item->audio : &p->kept);
}

static void take_audio(struct response *r, const int16_t *pcm, size_t n)
{
	struct session *s = r->s;
	filler_drop(r);
	struct piece *p = filling(r);
	if (!p)
		return;
	if (unsent(r) > (size_t)r->out_hz * AHEAD_MAX_S) {
		r->outcome = OUTCOME_INCOMPLETE;
		return;
	}
	r->up.audio_n += n;
	if (keep(r, p, pcm, n) ||
	    rate_convert(&r->up.rate, REALTIME_RATE_HZ, r->out_hz, pcm, n, &p->audio))
		session_oom(s);
}

void up_on_audio(void *owner, uint64_t link, uint64_t ref, const int16_t *pcm, size_t n)
{
	struct session *s = owner;
	struct response *r = enter_said(s, link, CALL_AUDIO, ref, bytes_of(pcm, n * sizeof(*pcm)));

	if (r && n && !r->set.text_only) {
		response_mark(r, MARK_FIRST_AUDIO);
		take_audio(r, pcm, n);
	}
	session_leave(s);
}

/* --- what clients have seen of it -------------------------------------------------------- */

static struct item_part *part_of(struct item *it, uint64_t ref)
{
	for (size_t i = 0; i < it->n_parts; i++)
		if (it->parts[i].ref == ref)
			return &it->parts[i];
	return NULL;
}

static struct item_part *part_add(struct response *r, uint64_t ref, const char *name)
{
	struct item *it = r->item;

	if (!mem_grow(&it->parts, &it->cap_parts, it->n_parts, sizeof(*it->parts)))
		return NULL;
	struct item_part *p = &it->parts[it->n_parts];
	*p = (struct item_part){ .ref = ref,
				 .at = (uint32_t)r->said.n,
				 .from_ms = (uint32_t)(r->sent * 1000 / r->out_hz),
				 .pace_us = ref == r->up.ref ? r->up.pace_us : 0 };
	snprintf(p->id, sizeof(p->id), "%s", name);
	it->n_parts++;
	return p;
}

bool upstream_called(struct response *r, struct item *it, const char *call_id)
{
	if (!r->s->up.link || !json_object_get(r->s->up.calls, call_id))
		return true;
	if (!mem_grow(&it->parts, &it->cap_parts, it->n_parts, sizeof(*it->parts)))
		return false;
	it->parts[it->n_parts] = (struct item_part){ .ref = 0 };
	snprintf(it->parts[it->n_parts++].id, sizeof(it->parts->id), "%s", call_id);
	return true;
}

bool upstream_shown(struct response *r, struct piece *p)
{
	if (!p->ref)
		return true;
	struct item_part *part = part_of(r->item, p->ref);
	if (!part)
		part = part_add(r, p->ref, p->part);
	for (size_t i = 0; part && part->pace_us && i < p->n_words; i++) {
		uint64_t at = p->base_at + p->words[i].at - part->at;
		uint64_t ms = part->from_ms + at * part->pace_us / US_PER_MS;

		p->words[i].from_ms = (uint32_t)(ms - MIN(ms, (uint64_t)p->base_ms));
	}
	return part;
}

static void put_right(struct response *r)
{
	struct item_part *part = r->item ? part_of(r->item, r->up.ref) : NULL;

	if (!part)
		return;
	part->pace_us = r->up.pace_us;
	for (size_t i = r->item->n_marks; i-- > 0 && r->item->marks[i].at >= part->at;) {
		struct mark *m = &r->item->marks[i];

		m->from_ms = part->from_ms +
			     (uint32_t)((uint64_t)(m->at - part->at) * part->pace_us / US_PER_MS);
	}
}

/* --- the end of an answer ---------------------------------------------------------------- */

static void learn_pace(struct response *r)
{
	uint32_t *learnt = &r->s->up.pace_us;

	if (!r->up.text_n || !r->up.audio_n)
		return;
	uint64_t pace = MAX(heard_us(r) / r->up.text_n, (uint64_t)1);
	r->up.pace_us = (uint32_t)MIN(pace, (uint64_t)US_PER_S);
	pace = MIN(MAX(pace, (uint64_t)PACE_MIN_US), (uint64_t)PACE_MAX_US);
	if (r->up.text_n >= LEARN_FROM)
		*learnt = *learnt ? (uint32_t)((*learnt * (uint64_t)3 + pace) / 4) : (uint32_t)pace;
	put_right(r);
}

/* All of its audio is here. */
static void close_pieces(struct response *r)
{
	struct piece *p = r->up.filling;
	AUTO(pcm) struct pcm rest = { 0 };

	if (p && (rate_flush(&r->up.rate, &p->audio) || rate_flush(&r->up.keep_rate, &rest) ||
		  pcm_put(p->shown ? &r->item->audio : &p->kept, rest.p, rest.n)))
		session_oom(r->s);
	LIST_FOR (&r->pieces, n)
		if (piece_of(n)->kind == PIECE_SPEECH)
			piece_of(n)->spoken = true;
	r->up.filling = NULL;
}

static void count(struct response *r, const struct llm_usage *u)
{
	cost_add_usage(&r->usage, u);
	cost_relayed(r->s, &r->s->engines, u);
}

/* Stopped before it could say what it has used, which is charged all the same. */
static void guess_usage(struct response *r)
{
	int text = (int)((r->up.text_n + 3) / 4), audio = (int)(r->up.audio_n * 20 / REALTIME_RATE_HZ);

	if (text || audio)
		count(r, &(struct llm_usage){ .output_tokens = text + audio,
					      .output_audio_tokens = audio });
}

void up_on_done(void *owner, uint64_t link, uint64_t ref, enum llm_finish f,
		const struct llm_usage *u)
{
	struct session *s = owner;
	uint8_t wire[COST_USAGE_OCTETS];

	put_be32(wire, (uint32_t)f);
	struct response *r = enter(s, link, CALL_DONE, ref,
				   bytes_of(wire, 4 + cost_write_usage(u, wire + 4)));
	if (r) {
		learn_pace(r);
		close_pieces(r);
		r->up.asked = false;
		count(r, u);
		think_finish(r, f);
	}
	session_leave(s);
}

static struct bytes joined(struct buf *to, const char *a, const char *b, const char *c)
{
	buf_put(to, a, strlen(a) + 1);
	if (c)
		buf_put(to, b, strlen(b) + 1);
	buf_puts(to, c ? c : b);
	return buf_bytes(to);
}

void up_on_failed(void *owner, uint64_t link, uint64_t ref, const struct engine_error *e)
{
	struct session *s = owner;
	AUTO(buf) struct buf why = { 0 };
	struct response *r = enter(s, link, CALL_FAILED, ref,
				   joined(&why, e->code, e->message ? e->message : "", NULL));

	if (why.failed)
		session_oom(s);
	else if (r) {
		close_pieces(r);
		r->up.asked = false;
		response_fail(r, e->code, e->message);
	}
	session_leave(s);
}

/* --- calls ------------------------------------------------------------------------------- */

/* Under an id of ours, that is nobody else's; the service's is remembered. */
static bool remember_call(struct response *r, uint64_t ref, const char *theirs, const char *name,
			  const char *arguments)
{
	struct session *s = r->s;
	char id[ID_MAX];

	session_new_id(s, "call_", id);
	s->engines.realtime_ops->name_item(s->up.link, ref, id);
	if (!r->calls)
		r->calls = json_array();
	if (!s->up.calls)
		s->up.calls = json_object();
	return json_object_set_new(s->up.calls, id, json_string(theirs)) == 0 &&
	       json_array_append_new(r->calls,
				     json_pack("{s:s,s:s,s:s}", "call_id", id, "name", name,
					       "arguments", arguments)) == 0;
}

void up_on_call(void *owner, uint64_t link, uint64_t ref, const char *call_id, const char *name,
		const char *arguments)
{
	struct session *s = owner;
	AUTO(buf) struct buf all = { 0 };
	struct response *r =
		enter(s, link, CALL_CALL, ref, joined(&all, call_id, name, arguments));

	if (all.failed || (r && !remember_call(r, ref, call_id, name, arguments)))
		session_oom(s);
	session_leave(s);
}

/* --- interruption, and the line breaking ------------------------------------------------- */

void upstream_cancel(struct response *r)
{
	struct session *s = r->s;
	const struct realtime_ops *ops = s->engines.realtime_ops;
	uint64_t ref = r->up.ref;
	bool said_less = false;

	LIST_FOR (&r->pieces, n)
		said_less = said_less || (piece_of(n)->ref == ref && ref &&
					  (!piece_of(n)->shown || piece_of(n)->sent < piece_of(n)->audio.n));
	if (s->up.link && ref && r->up.asked)
		ops->cancel(s->up.link, ref);
	if (s->up.link && said_less && !r->set.text_only) {
		const struct item_part *part = r->item ? part_of(r->item, ref) : NULL;
		uint64_t ms = r->sent * 1000 / r->out_hz;

		ops->truncate(s->up.link, ref, part ? ms - MIN(ms, (uint64_t)part->from_ms) : 0);
	}
	up_settle_calls(r);
	if (r->up.asked)
		guess_usage(r);
	r->up.asked = false;
	r->up.filling = NULL;
}

void upstream_answer_done(struct response *r)
{
	rate_done(&r->up.rate);
	rate_done(&r->up.keep_rate);
}

/* What was written and not said goes; returns the octets of this answer's text that were said. */
static size_t drop_unsaid(struct response *r)
{
	struct piece *last = r->up.filling;
	size_t said = last ? last->to : 0;

	bool unsaid = false;

	close_pieces(r);
	LIST_FOR (&r->pieces, n) {
		struct piece *p = piece_of(n);

		unsaid = unsaid || (p->kind == PIECE_SPEECH && p->ref == r->up.ref &&
				    p->from >= said && p != last && !p->shown);
		if (!unsaid)
			continue;
		node_unlink(n);
		piece_free(p);
	}
	return said;
}

/* The items an answer is made from end with what was said of it. */
static bool remember_said(struct response *r, const char *id, size_t said)
{
	const char *text = (const char *)r->text.p + r->up.text_from;

	if (!r->scratch)
		r->scratch = json_array();
	return json_array_append_new(
		       r->scratch,
		       json_pack("{s:s,s:s,s:s,s:s,s:[{s:s,s:s%}]}", "id", id, "type", "message",
				 "status", "incomplete", "role", "assistant", "content", "type",
				 "output_text", "text", text, said)) == 0;
}

static bool ask_to_go_on(struct response *r)
{
	if (r->up.continued)
		return true;
	json_t *to = json_copy(r->config);
	if (json_object_set_new(to, "instructions",
				json_sprintf("%s\n\n%s", r->set.instructions, go_on_text)) < 0) {
		json_decref(to);
		return false;
	}
	json_decref(r->config);
	r->config = to;
	config_read(r->config, &r->set);
	r->up.continued = true;
	return true;
}

/* Of the item as the next link will know it: the part that was said is an item of its own. */
static void forget_refs(struct response *r, const char *id)
{
	struct item *it = r->item;
	size_t kept = 0;

	for (size_t i = 0; it && i < it->n_parts; i++) {
		struct item_part *p = &it->parts[i];

		if (id && p->ref && p->ref == r->up.ref) {
			p->ref = 0;
			snprintf(p->id, sizeof(p->id), "%s", id);
		}
		if (!p->ref)
			it->parts[kept++] = *p;
	}
	if (it)
		it->n_parts = kept;
	LIST_FOR (&r->pieces, n)
		piece_of(n)->ref = 0;
}

void up_cut(struct response *r)
{
	struct session *s = r->s;
	size_t said;
	char id[ID_MAX];

	if (!r->up.asked || r->state > RESP_ACTIVE)
		return;
	said = r->set.text_only ? r->up.text_n : drop_unsaid(r);
	guess_usage(r);
	r->text.n = MIN(r->text.n, r->up.text_from + said);
	r->cited_to = MIN(r->cited_to, r->text.n);
	json_decref(r->calls);
	r->calls = NULL;
	r->up.asked_us = s->now_us;
	if (said) {
		session_new_id(s, "item_", id);
		if (!remember_said(r, id, said) || !ask_to_go_on(r))
			session_oom(s);
	}
	forget_refs(r, said ? id : NULL);
	r->up.ref = 0;
	begin_answer(r);
}
