#include "session/recorder.h"

static const char magic[5] = "VREC\1";

size_t rec_number(uint8_t to[static 10], uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		to[n++] = (uint8_t)(v | 0x80);
	to[n++] = (uint8_t)v;
	return n;
}

size_t rec_take_number(struct bytes *from, uint64_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < from->n && i < 10; i++) {
		v |= (uint64_t)(from->p[i] & 0x7F) << (7 * i);
		if (from->p[i] & 0x80)
			continue;
		*from = bytes_sub(*from, i + 1, from->n - i - 1);
		*out = v;
		return i + 1;
	}
	return 0;
}

static void write_record(void *ctx, enum rec_kind k, uint64_t now_us, struct bytes body)
{
	struct rec_writer *w = ctx;
	uint8_t number[10];

	if (!w->begun)
		buf_put(w->to, magic, sizeof(magic));
	w->begun = true;
	buf_putc(w->to, (char)k);
	buf_put(w->to, number, rec_number(number, now_us - MIN(now_us, w->last_us)));
	buf_put(w->to, number, rec_number(number, body.n));
	buf_put(w->to, body.p, body.n);
	w->last_us = MAX(w->last_us, now_us);
}

const struct recorder_ops rec_writer_ops = { write_record };

static bool known_kind(unsigned k)
{
	return (k >= REC_PARAMS && k <= REC_REALTIME) || (k >= REC_RAND && k <= REC_MCP_OPEN);
}

enum rec_verdict rec_read(struct rec_reader *r, struct rec *out)
{
	uint64_t delta, n;

	if (!r->begun) {
		if (r->rest.n < sizeof(magic) || memcmp(r->rest.p, magic, sizeof(magic)) != 0)
			return REC_MALFORMED;
		r->rest = bytes_sub(r->rest, sizeof(magic), r->rest.n - sizeof(magic));
		r->begun = true;
	}
	if (r->rest.n == 0)
		return REC_END;
	struct bytes rest = bytes_sub(r->rest, 1, r->rest.n - 1);
	unsigned kind = r->rest.p[0];
	if (!known_kind(kind) || !rec_take_number(&rest, &delta) || !rec_take_number(&rest, &n) ||
	    n > rest.n)
		return REC_MALFORMED;
	r->now_us += delta;
	r->rest = bytes_sub(rest, n, rest.n - n);
	*out = (struct rec){ (enum rec_kind)kind, r->now_us, bytes_sub(rest, 0, n) };
	return REC_OK;
}
