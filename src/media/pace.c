#include "media/pace.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"

enum {
	FRAME_US = FRAME_MS * US_PER_MS,
	CHUNK = 2040, /* samples; with its link just under 4 KiB */
	FLUSH_US = 6500, /* what an Opus encoder may still hold  */
	LOG = 32,     /* frames remembered: 0.64 s               */
};

struct chunk {
	struct chunk *next;
	int16_t pcm[CHUNK];
};

/* Which samples left when; one row per item and frame. */
struct sent {
	uint64_t tag, at_us; /* when the first of them left       */
	uint64_t before;     /* samples of the item that left earlier */
	size_t n;
};

struct pace {
	unsigned rate_hz;
	size_t frame_n; /* samples in 20 ms */

	struct chunk *head, *tail;
	size_t head_at, tail_n; /* read from head, written to tail */
	size_t fill;

	struct pace_item items[PACE_ITEMS]; /* items[i % PACE_ITEMS], oldest first */
	size_t first, current, end;         /* current: whose audio is at the head */

	bool talking;
	bool flush;       /* the encoder still holds something            */
	uint64_t grid_us; /* talking: when the next frame is due          */
	uint32_t rtp_ts;  /* of the next frame                            */
	uint64_t ts_us;   /* the time rtp_ts belongs to; 0: none yet      */
	uint64_t ts;      /* samples sent, gaps included: frame.ts        */
	uint64_t tick_us; /* of the call that sent the last frame         */

	struct sent log[LOG];
	size_t n_log;
	struct pace_stats stats;
	int16_t frame[FRAME_MAX];
};

int pace_new(struct pace **out, unsigned rate_hz, uint32_t rtp_ts)
{
	if (rate_hz != 8000 && rate_hz != 16000 && rate_hz != 24000 && rate_hz != 48000)
		return -EINVAL;

	struct pace *p = mem_zalloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->rate_hz = rate_hz;
	p->frame_n = rate_hz / 1000 * FRAME_MS;
	p->rtp_ts = rtp_ts;
	*out = p;
	return 0;
}

static void free_chunks(struct chunk *c)
{
	while (c) {
		struct chunk *next = c->next;

		mem_free(c);
		c = next;
	}
}

void pace_free(struct pace *p)
{
	if (!p)
		return;
	free_chunks(p->head);
	mem_free(p);
}

/* --- the queue -------------------------------------------------------------------------- */

size_t pace_fill(const struct pace *p)
{
	return p->fill;
}

size_t pace_room(const struct pace *p)
{
	return (size_t)PACE_MAX_S * p->rate_hz - p->fill;
}

static struct pace_item *item_at(struct pace *p, size_t i)
{
	return &p->items[i % PACE_ITEMS];
}

/* The chunks that n more samples need, or false: no memory, and nothing changed. */
static bool reserve(struct pace *p, size_t n)
{
	size_t room = p->tail ? CHUNK - p->tail_n : 0;
	struct chunk *first = NULL, **link = &first;

	for (; room < n; room += CHUNK) {
		struct chunk *c = mem_alloc(sizeof(*c));

		if (!c) {
			free_chunks(first);
			return false;
		}
		c->next = NULL;
		*link = c;
		link = &c->next;
	}
	if (!p->tail) {
		p->head = p->tail = first;
		p->head_at = p->tail_n = 0;
	} else {
		p->tail->next = first;
	}
	return true;
}

static void append(struct pace *p, const int16_t *pcm, size_t n)
{
	while (n) {
		if (p->tail_n == CHUNK) {
			p->tail = p->tail->next;
			p->tail_n = 0;
		}

		size_t k = MIN(n, CHUNK - p->tail_n);
		memcpy(p->tail->pcm + p->tail_n, pcm, k * sizeof(*pcm));
		p->tail_n += k;
		p->fill += k;
		pcm += k;
		n -= k;
	}
}

static void take(struct pace *p, int16_t *to, size_t n)
{
	p->fill -= n;
	while (n) {
		size_t k = MIN(n, CHUNK - p->head_at);

		memcpy(to, p->head->pcm + p->head_at, k * sizeof(*to));
		p->head_at += k;
		to += k;
		n -= k;
		if (p->head_at == CHUNK) {
			struct chunk *done = p->head;

			p->head = done->next;
			p->head_at = 0;
			if (!p->head) {
				p->tail = NULL;
				p->tail_n = 0;
			}
			mem_free(done);
		}
	}
	if (p->fill == 0 && p->head) {
		free_chunks(p->head);
		p->head = p->tail = NULL;
		p->head_at = p->tail_n = 0;
	}
}

static bool newest_is(struct pace *p, uint64_t tag)
{
	return p->end > p->first && item_at(p, p->end - 1)->tag == tag;
}

/* Is there a row for `tag`, or one that can be forgotten for it? */
static bool can_list(struct pace *p, uint64_t tag)
{
	const struct pace_item *oldest = item_at(p, p->first);

	return newest_is(p, tag) || p->end - p->first < PACE_ITEMS ||
	       oldest->played == oldest->pushed;
}

static struct pace_item *list_item(struct pace *p, uint64_t tag)
{
	if (newest_is(p, tag))
		return item_at(p, p->end - 1);
	if (p->end - p->first == PACE_ITEMS) {
		p->first++;
		p->current = MAX(p->current, p->first);
	}
	*item_at(p, p->end) = (struct pace_item){ .tag = tag };
	return item_at(p, p->end++);
}

int pace_push(struct pace *p, uint64_t tag, const int16_t *pcm, size_t n)
{
	if (n == 0)
		return 0;
	if (n > pace_room(p) || !can_list(p, tag))
		return -ENOBUFS;
	if (!reserve(p, n))
		return -ENOMEM;
	list_item(p, tag)->pushed += n;
	append(p, pcm, n);
	return 0;
}

/* --- the clock ---------------------------------------------------------------------------- */

static uint64_t samples_us(const struct pace *p, uint64_t n)
{
	return n * US_PER_S / p->rate_hz;
}

/* Move the timestamps to `to_us`, on the 2.5 ms raster of Opus and never back. */
static void move_clock(struct pace *p, uint64_t to_us)
{
	enum { RASTER_US = 2500 };
	uint64_t gap_us = p->ts_us && to_us > p->ts_us ? to_us - p->ts_us : 0;

	gap_us -= gap_us % RASTER_US;
	p->rtp_ts += (uint32_t)(gap_us * PACE_CLOCK_HZ / US_PER_S);
	p->ts += gap_us * p->rate_hz / US_PER_S;
}

/* Is a frame due? Starts, ends and moves the grid. */
static bool due(struct pace *p, uint64_t now_us, struct pace_frame *f)
{
	if (p->talking && now_us < p->grid_us)
		return false;
	if (p->fill == 0 && !(p->talking && p->flush)) {
		p->talking = false;
		return false;
	}
	if (!p->talking) {
		if (now_us < p->ts_us) /* cleared: its last frame is still being played */
			return false;
		p->talking = true;
		p->stats.talkspurts++;
		move_clock(p, now_us);
		p->grid_us = now_us;
		f->marker = f->start = true;
		return true;
	}

	uint64_t behind = now_us - p->grid_us;
	if (behind >= PACE_BURST * (uint64_t)FRAME_US) {
		uint64_t skip = behind - behind % FRAME_US - (PACE_BURST - 1) * (uint64_t)FRAME_US;

		p->grid_us += skip;
		p->stats.skipped_us += skip;
		move_clock(p, p->grid_us);
		f->marker = true;
	}
	return true;
}

static void note(struct pace *p, const struct pace_item *it, uint64_t at_us, size_t n)
{
	p->log[p->n_log++ % LOG] =
		(struct sent){ .tag = it->tag, .at_us = at_us, .before = it->played, .n = n };
}

/* Credit n samples to the items they are of, from the head of the queue on. */
static void credit(struct pace *p, size_t n, struct pace_frame *f)
{
	for (size_t at = 0; at < n;) {
		struct pace_item *it = item_at(p, p->current);
		size_t k = (size_t)MIN(it->pushed - it->played, n - at);

		if (k == 0) {
			p->current++;
			assert(p->current < p->end);
			continue;
		}

		uint64_t at_us = p->grid_us + samples_us(p, at);
		note(p, it, at_us, k);
		if (!it->first_us)
			it->first_us = at_us;
		it->played += k;
		it->last_us = at_us + samples_us(p, k);
		at += k;
		f->tag = it->tag;
		f->item_end |= it->played == it->pushed;
	}
}

enum pace_pull pace_pull(struct pace *p, uint64_t now_us, struct pace_frame *out)
{
	struct pace_frame f = { 0 };

	if (!due(p, now_us, &f))
		return PACE_WAIT;

	size_t n = MIN(p->fill, p->frame_n);
	take(p, p->frame, n);
	credit(p, n, &f);
	memset(p->frame + n, 0, (p->frame_n - n) * sizeof(*p->frame));
	p->flush = samples_us(p, p->frame_n - n) < FLUSH_US;
	p->stats.padded += n > 0 && n < p->frame_n;
	p->stats.late += !f.start && now_us == p->tick_us;
	p->stats.frames++;

	f.rtp_ts = p->rtp_ts;
	f.audio = (struct frame){ p->rate_hz, p->ts, p->frame_n, p->frame };
	p->rtp_ts += PACE_CLOCK_HZ / 1000 * FRAME_MS;
	p->ts += p->frame_n;
	p->grid_us += FRAME_US;
	p->ts_us = p->grid_us;
	p->tick_us = now_us;
	*out = f;
	return PACE_FRAME;
}

uint64_t pace_next_us(const struct pace *p)
{
	if (p->talking) /* also when dry: at that tick the talkspurt ends */
		return p->grid_us;
	return p->fill ? p->ts_us : UINT64_MAX;
}

/* --- what was heard ------------------------------------------------------------------------ */

static const struct pace_item *find(const struct pace *p, uint64_t tag)
{
	for (size_t i = p->end; i-- > p->first;)
		if (p->items[i % PACE_ITEMS].tag == tag)
			return &p->items[i % PACE_ITEMS];
	return NULL;
}

bool pace_item(const struct pace *p, uint64_t tag, struct pace_item *out)
{
	const struct pace_item *it = find(p, tag);

	if (!it)
		return false;
	*out = *it;
	return true;
}

uint64_t pace_played_at(const struct pace *p, uint64_t tag, uint64_t at_us)
{
	const struct pace_item *it = find(p, tag);
	uint64_t oldest = it ? it->played : 0;

	if (!it || !it->first_us || at_us <= it->first_us)
		return 0;
	for (size_t i = p->n_log; i-- > 0 && p->n_log - i <= LOG;) {
		const struct sent *s = &p->log[i % LOG];

		if (s->tag != tag)
			continue;
		if (at_us >= s->at_us) {
			uint64_t gone = (at_us - s->at_us) * p->rate_hz / US_PER_S;

			return s->before + MIN(gone, s->n);
		}
		oldest = s->before;
	}
	return oldest;
}

size_t pace_clear(struct pace *p, struct pace_cleared out[PACE_ITEMS])
{
	size_t n = 0;

	for (size_t i = p->first; i < p->end; i++) {
		struct pace_item *it = item_at(p, i);

		if (it->played == it->pushed)
			continue;
		out[n++] = (struct pace_cleared){ it->tag, it->played, it->pushed - it->played };
		it->pushed = it->played;
	}
	free_chunks(p->head);
	p->head = p->tail = NULL;
	p->head_at = p->tail_n = p->fill = 0;
	p->talking = p->flush = false;
	return n;
}

struct pace_stats pace_stats(const struct pace *p)
{
	return p->stats;
}
