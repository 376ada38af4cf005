/* Packets of audio as a call hears them, through jitter buffer and codec: {sequence step, time
 * step, time, length, octets}... The first octet chooses the codec. What is heard is one
 * continuous stream. Links: the leg layer. */
#include <stdlib.h>

#include "leg/voice.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void on_send(void *owner, struct bytes payload, uint32_t ts, bool marker)
{
	(void)owner, (void)payload, (void)ts, (void)marker;
	abort(); /* nothing has been pushed */
}

static void on_heard(void *owner, const struct frame *f, uint64_t now_us)
{
	uint64_t *pos = owner;

	(void)now_us;
	if (f->rate_hz != 16000 || f->ts != *pos || f->n == 0)
		abort();
	*pos += f->n;
	int32_t sum = 0;
	for (size_t i = 0; i < f->n; i++)
		sum += f->pcm[i];
	__asm__ volatile("" : : "r"(sum));
}

static void on_playout(void *owner, uint64_t tag, enum leg_playout what, uint64_t now_us)
{
	(void)owner, (void)tag, (void)what, (void)now_us;
	abort();
}

static const struct voice_ops ops = { on_send, on_heard, on_playout };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(voice) struct voice *v = NULL;
	struct voice_packet k = { .ssrc = 7, .ts = 0xfffff000, .seq = 65530 };
	struct env_fake f;
	uint64_t pos = 0;

	env_fake_init(&f, 3);
	if (n == 0 || voice_new(&v, &f.env, &ops, &pos) != 0)
		return 0;
	voice_set_codec(v, p[0] % 3);
	p++, n--;
	for (int i = 0; i < 32 && n >= 4; i++) {
		size_t len = MIN(p[3], n - 4);

		k.seq = (uint16_t)(k.seq + (int8_t)p[0]);
		k.ts += (uint32_t)((int8_t)p[1] * 160);
		k.ssrc += p[2] == 255;
		k.payload = bytes_of(p + 4, len);
		if (voice_input(v, &k, f.now_us) != 0)
			abort();
		env_fake_advance(&f, p[2] % 64 * US_PER_MS);
		if (voice_on_time(v, f.now_us) != 0)
			abort();
		p += 4 + len;
		n -= 4 + len;
	}
	env_fake_advance(&f, 200 * US_PER_MS);
	if (voice_on_time(v, f.now_us) != 0)
		abort();
	return 0;
}
