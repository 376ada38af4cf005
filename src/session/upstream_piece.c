/* upstream_piece.c - what a realtime service says, from text and audio to pieces of a response.
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

void up_take_transcript(struct response *r, const char *text)
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
void up_take_text(struct response *r, const char *text)
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

void up_take_audio(struct response *r, const int16_t *pcm, size_t n)
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

/* --- all of it is there, or no more comes ----------------------------------------------- */

void up_learn_pace(struct response *r)
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
void up_close_pieces(struct response *r)
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

bool up_said_less(const struct response *r)
{
	LIST_FOR ((struct list *)(uintptr_t)&r->pieces, n) {
		const struct piece *p = piece_of(n);

		if (p->ref == r->up.ref && (!p->shown || p->sent < p->audio.n) && !r->set.text_only)
			return true;
	}
	return false;
}

uint64_t up_sent_ms(const struct response *r)
{
	const struct item_part *part = r->item ? part_of(r->item, r->up.ref) : NULL;
	uint64_t ms = r->sent * 1000 / r->out_hz;

	return part ? ms - MIN(ms, (uint64_t)part->from_ms) : 0;
}

/* What was written and not said goes; returns the octets of this answer's text that were said. */
size_t up_drop_unsaid(struct response *r)
{
	struct piece *last = r->up.filling;
	size_t said = last ? last->to : 0;

	bool unsaid = false;

	up_close_pieces(r);
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

/* Of the item as the next link will know it: the part that was said is an item of its own. */
void up_forget_refs(struct response *r, const char *id)
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
