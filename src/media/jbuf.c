#include "media/jbuf.h"

#include <assert.h>

#include "base/alloc.h"

enum {
	WAIT_START_US = 40 * US_PER_MS,
	WAIT_MIN_US = 15 * US_PER_MS,
	WAIT_MAX_US = 60 * US_PER_MS,
	DEAD_US = 200 * US_PER_MS, /* nothing came for so long: path or talker is still */
	STILL_US = 20 * US_PER_MS, /* silence is handed out in such pieces then         */
	CONCEAL_MAX_MS = 100,      /* Opus has faded to nothing by then                 */
	CONCEAL_STEP_MS = 20,
	STRAY_MISORDER = 100,      /* RFC 3550, A.1: MAX_MISORDER and MAX_DROPOUT       */
	STRAY_DROPOUT = 3000,
	NO_SLOT = 0xFF,
};

struct slot {
	uint16_t seq;
	uint32_t ts;
	uint32_t samples;
	uint32_t n;
	uint64_t at_us; /* arrival */
};

/* What is still to hand out before the packet at next_seq, in this order. */
struct fill {
	uint64_t conceal, silence;
	uint32_t fec; /* samples from the packet's redundancy */
};

struct jbuf {
	unsigned clock_hz;
	uint32_t quantum; /* samples in 2.5 ms */

	bool started;
	uint32_t ssrc;
	uint16_t next_seq;      /* the next to hand out                                */
	uint32_t next_ts;       /* its timestamp if nothing is missing                 */
	uint32_t last_samples;  /* length of the last packet handed out                */
	bool stray_seen;
	uint16_t stray_next;    /* what would make the last stray credible             */
	uint64_t seen;          /* bit i: next_seq - 1 - i was handed out              */
	uint64_t pos;

	bool planned;           /* `fill` is for the packet at next_seq                */
	struct fill fill;
	uint64_t gap_since_us;  /* when a packet behind a gap came; 0: there is no gap */
	uint32_t wait_us;

	uint64_t last_us;       /* of the last arrival that was of use                 */
	uint64_t still;         /* silence handed out since the last arrival           */

	uint8_t index[JBUF_PACKETS]; /* by seq % JBUF_PACKETS: a slot, or NO_SLOT      */
	uint8_t spare[JBUF_PACKETS]; /* a stack, so that in order one slot is used     */
	unsigned n_spare, n_held;
	struct jbuf_stats stats;
	struct slot slots[JBUF_PACKETS];
	uint8_t (*payload)[JBUF_PACKET_MAX];
};

static void drop_all(struct jbuf *j)
{
	memset(j->index, NO_SLOT, sizeof(j->index));
	for (unsigned i = 0; i < JBUF_PACKETS; i++)
		j->spare[i] = (uint8_t)(JBUF_PACKETS - 1 - i);
	j->n_spare = JBUF_PACKETS;
	j->n_held = 0;
	j->planned = false;
	j->gap_since_us = 0;
}

struct jbuf *jbuf_new(unsigned clock_hz)
{
	struct jbuf *j = mem_zalloc(sizeof(*j));

	assert(clock_hz >= 8000);
	if (!j)
		return NULL;
	/* not zeroed: what is never used never becomes resident */
	j->payload = mem_alloc(sizeof(*j->payload) * JBUF_PACKETS);
	if (!j->payload) {
		mem_free(j);
		return NULL;
	}
	j->clock_hz = clock_hz;
	j->quantum = clock_hz / 400;
	j->wait_us = WAIT_START_US;
	drop_all(j);
	return j;
}

void jbuf_free(struct jbuf *j)
{
	if (!j)
		return;
	mem_free(j->payload);
	mem_free(j);
}

/* --- put ---------------------------------------------------------------------------- */

/* The first packet, or the first of a new stream. `pos` goes on. */
static void restart(struct jbuf *j, const struct jbuf_packet *p)
{
	drop_all(j);
	j->stats.resets += j->started;
	j->started = true;
	j->ssrc = p->ssrc;
	j->next_seq = p->seq;
	j->next_ts = p->ts;
	j->last_samples = (uint32_t)p->samples;
	j->seen = 0;
	j->still = 0;
	j->stray_seen = false;
}

/* A packet was overtaken by so much: wait half as much again, next time. */
static void learn_overtaking(struct jbuf *j, uint64_t late_us)
{
	uint64_t want = MIN(late_us + late_us / 2, WAIT_MAX_US);

	j->wait_us = (uint32_t)MAX(j->wait_us, want);
}

/* A gap stayed empty: on this path waiting helps a little less than we thought. */
static void learn_loss(struct jbuf *j)
{
	j->wait_us = MAX(j->wait_us - j->wait_us / 16, WAIT_MIN_US);
}

static enum jbuf_put behind(struct jbuf *j, int ahead)
{
	if (ahead >= -64 && j->seen >> (-ahead - 1) & 1) {
		j->stats.duplicate++;
		return JBUF_DUPLICATE;
	}
	learn_overtaking(j, j->wait_us); /* by that much at least */
	j->stats.late++;
	return JBUF_LATE;
}

static void store(struct jbuf *j, const struct jbuf_packet *p, uint64_t now_us)
{
	assert(j->n_spare > 0);

	uint8_t s = j->spare[--j->n_spare];
	j->slots[s] = (struct slot){ p->seq, p->ts, (uint32_t)p->samples, (uint32_t)p->payload.n,
				     now_us };
	if (p->payload.n)
		memcpy(j->payload[s], p->payload.p, p->payload.n);
	j->index[p->seq % JBUF_PACKETS] = s;
	j->n_held++;
	j->stats.stored++;
}

static bool is_stray(struct jbuf *j, int ahead, uint16_t seq)
{
	if (ahead > -STRAY_MISORDER && ahead < STRAY_DROPOUT)
		return false;
	if (j->stray_seen && seq == j->stray_next)
		return false;
	j->stray_seen = true;
	j->stray_next = (uint16_t)(seq + 1);
	return true;
}

/* Far ahead: everything up to where it fits the window is lost. What is held goes too: more
 * than a second of loss lies between. */
static void skip_to(struct jbuf *j, uint16_t seq)
{
	unsigned lost = (uint16_t)(seq - j->next_seq) - j->n_held;

	drop_all(j);
	j->stats.lost += lost;
	j->next_seq = seq;
	j->seen = 0;
}

enum jbuf_put jbuf_put(struct jbuf *j, const struct jbuf_packet *p, uint64_t now_us)
{
	if (p->payload.n > JBUF_PACKET_MAX || p->samples == 0 || p->samples > j->clock_hz)
		return JBUF_TOO_BIG;

	enum jbuf_put verdict = JBUF_STORED;
	int ahead = (int16_t)(uint16_t)(p->seq - j->next_seq);

	if (!j->started || p->ssrc != j->ssrc) {
		verdict = j->started ? JBUF_RESET : JBUF_STORED;
		restart(j, p);
		ahead = 0;
	} else if (is_stray(j, ahead, p->seq)) {
		j->stats.stray++;
		return JBUF_STRAY;
	} else if (ahead <= -STRAY_MISORDER || ahead >= STRAY_DROPOUT) {
		restart(j, p);
		verdict = JBUF_RESET;
		ahead = 0;
	} else if (ahead < 0) {
		return behind(j, ahead);
	} else if (ahead >= JBUF_PACKETS) {
		skip_to(j, p->seq);
		ahead = 0;
	} else if (j->index[p->seq % JBUF_PACKETS] != NO_SLOT) {
		j->stats.duplicate++;
		return JBUF_DUPLICATE;
	}

	if (ahead == 0 && j->gap_since_us) {
		learn_overtaking(j, now_us - j->gap_since_us);
		j->stats.reordered++;
		verdict = JBUF_REORDERED;
	}
	store(j, p, now_us);
	j->last_us = now_us;
	return verdict;
}

/* --- get ---------------------------------------------------------------------------- */

/* The sequence number of the first packet that is held. */
static uint16_t first_held(const struct jbuf *j)
{
	uint16_t seq = j->next_seq;

	while (j->index[seq % JBUF_PACKETS] == NO_SLOT)
		seq++;
	return seq;
}

/* How to get from next_ts to the packet at next_seq, of which `lost` before it are missing. */
static struct fill plan(struct jbuf *j, const struct slot *s, unsigned lost)
{
	uint64_t limit = (uint64_t)j->clock_hz * JBUF_GAP_MAX_S;
	int32_t gap = (int32_t)(s->ts - j->next_ts);
	struct fill f = { 0 };

	/* backward, or farther than a pause can be: the sender's clock began anew */
	if (gap <= 0 || (uint64_t)gap > limit * 20)
		return f;

	uint64_t left = (uint64_t)gap;
	/* silence handed out while nothing came was part of this very gap */
	uint64_t already = MIN(left, j->still);
	left -= already;
	left = MIN(left, limit);
	if (lost && !already) {
		uint32_t each = j->last_samples;

		if (left >= each && each % j->quantum == 0) {
			f.fec = each;
			left -= each;
		}
		f.conceal = MIN(left, (uint64_t)j->clock_hz / 1000 * CONCEAL_MAX_MS);
		f.conceal -= f.conceal % j->quantum;
		left -= f.conceal;
	}
	f.silence = left;
	return f;
}

/* May the packet that is held first go, though others are missing before it? */
static bool patience_is_over(struct jbuf *j, uint64_t now_us, uint64_t *until_us)
{
	if (!j->gap_since_us)
		j->gap_since_us = MAX(j->slots[j->index[first_held(j) % JBUF_PACKETS]].at_us, 1);
	*until_us = j->gap_since_us + j->wait_us;
	return now_us >= *until_us;
}

static bool hand_out_fill(struct jbuf *j, const struct slot *s, struct jbuf_out *out)
{
	struct fill *f = &j->fill;

	if (f->conceal) {
		out->kind = JBUF_CONCEAL;
		out->samples = (size_t)MIN(f->conceal, j->clock_hz / 1000 * CONCEAL_STEP_MS);
		f->conceal -= out->samples;
		j->stats.concealed += out->samples;
	} else if (f->silence) {
		out->kind = JBUF_SILENCE;
		out->samples = (size_t)f->silence;
		f->silence = 0;
		j->stats.silence += out->samples;
	} else if (f->fec) {
		out->kind = JBUF_FEC;
		out->samples = f->fec;
		out->payload = bytes_of(j->payload[s - j->slots], s->n);
		f->fec = 0;
		j->stats.fec++;
	} else {
		return false;
	}
	return true;
}

static void hand_out_packet(struct jbuf *j, uint8_t slot, struct jbuf_out *out)
{
	const struct slot *s = &j->slots[slot];

	out->kind = JBUF_PACKET;
	out->samples = s->samples;
	out->payload = bytes_of(j->payload[slot], s->n);
	j->index[s->seq % JBUF_PACKETS] = NO_SLOT;
	j->spare[j->n_spare++] = slot; /* its octets stay until the next put */
	j->n_held--;
	j->next_seq = (uint16_t)(s->seq + 1);
	j->next_ts = s->ts + s->samples;
	j->last_samples = s->samples;
	j->seen = j->seen << 1 | 1;
	j->planned = false;
	j->gap_since_us = 0;
	j->still = 0;
}

/* Nothing is held. Silence, if it has been quiet for too long. */
static void stand_still(struct jbuf *j, uint64_t now_us, struct jbuf_out *out)
{
	uint64_t step = (uint64_t)j->clock_hz * STILL_US / US_PER_S;

	out->kind = JBUF_WAIT;
	out->until_us = UINT64_MAX;
	if (!j->started || j->still >= (uint64_t)j->clock_hz * JBUF_GAP_MAX_S)
		return;
	/* what is due: the time since the last arrival, apart from its own length */
	uint64_t due_us = j->last_us + (j->still ? 0 : DEAD_US) +
			  j->still * US_PER_S / j->clock_hz + STILL_US;
	if (now_us < due_us) {
		out->until_us = due_us;
		return;
	}
	out->kind = JBUF_SILENCE;
	out->samples = (size_t)step;
	if (!j->still)
		out->samples += (size_t)((uint64_t)j->clock_hz * DEAD_US / US_PER_S);
	j->still += out->samples;
	j->stats.silence += out->samples;
}

void jbuf_get(struct jbuf *j, uint64_t now_us, struct jbuf_out *out)
{
	*out = (struct jbuf_out){ .pos = j->pos };
	if (j->n_held == 0) {
		stand_still(j, now_us, out);
		j->pos += out->samples;
		return;
	}

	uint16_t seq = first_held(j);
	unsigned lost = (uint16_t)(seq - j->next_seq);
	if (lost && !patience_is_over(j, now_us, &out->until_us)) {
		out->kind = JBUF_WAIT;
		return;
	}
	if (lost) {
		j->stats.lost += lost;
		j->seen = lost < 64 ? j->seen << lost : 0;
		j->next_seq = seq;
		learn_loss(j);
	}

	uint8_t slot = j->index[seq % JBUF_PACKETS];
	if (!j->planned) {
		j->fill = plan(j, &j->slots[slot], lost);
		j->planned = true;
	}
	if (!hand_out_fill(j, &j->slots[slot], out))
		hand_out_packet(j, slot, out);
	j->pos += out->samples;
}

struct jbuf_stats jbuf_stats(const struct jbuf *j)
{
	struct jbuf_stats s = j->stats;

	s.wait_us = j->wait_us;
	return s;
}
