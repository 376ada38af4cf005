/* jbuf.c - any order of packets and times: one continuous stream comes out, and it ends.
 * Each 6 octets are one arrival: sequence step, timestamp step (2), time step, length, flags.
 * Links: media/jbuf.c base/alloc.c. */
#include "media/jbuf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void drain(struct jbuf *j, uint64_t now_us, uint64_t *pos)
{
	for (int i = 0; i < 20000; i++) {
		struct jbuf_out o;
		uint32_t sum = 0;

		jbuf_get(j, now_us, &o);
		if (o.pos != *pos)
			abort();
		*pos += o.samples;
		if (o.kind == JBUF_WAIT && (o.samples || o.until_us <= now_us))
			abort();
		if (o.kind == JBUF_WAIT)
			return;
		if (o.samples == 0 || (o.kind == JBUF_CONCEAL && o.samples % 120))
			abort();
		for (size_t k = 0; k < o.payload.n; k++)
			sum += o.payload.p[k];
		__asm__ volatile("" : : "r"(sum));
	}
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t payload[JBUF_PACKET_MAX + 20];
	struct jbuf *j = jbuf_new(48000);
	uint64_t now_us = 0, pos = 0;
	struct jbuf_packet k = { .ssrc = 1, .seq = 65500, .ts = 4294900000 };

	for (; n >= 6; p += 6, n -= 6) {
		k.seq = (uint16_t)(k.seq + (int8_t)p[0] * (p[5] & 1 ? 257 : 1));
		k.ts += (uint32_t)((int16_t)be16(p + 1) * (p[5] & 2 ? 60000 : 30));
		k.ssrc += p[5] >> 7;
		k.samples = (p[5] >> 2 & 15) * 120u;
		k.payload = bytes_of(payload, p[4] * 6u);
		now_us += p[3] * (p[5] & 64 ? UINT64_C(20000) : 500);
		(void)jbuf_put(j, &k, now_us);
		drain(j, now_us, &pos);
	}
	drain(j, now_us + 100000, &pos);
	jbuf_free(j);
	return 0;
}
