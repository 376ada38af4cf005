#include "media/codec_opus.h"

#include <assert.h>
#include <errno.h>
#include <opus/opus.h>

#include "base/alloc.h"

enum {
	DEFAULT_BITRATE = 24000,
	DEFAULT_COMPLEXITY = 5,
	ASSUMED_LOSS = 256 * 5 / 100,
	QUANTA_PER_S = 400, /* 2.5 ms, the shortest frame there is */
};

struct codec_opus_encoder {
	unsigned rate_hz;
	unsigned loss; /* of 256 */
	_Alignas(max_align_t) uint8_t state[];
};

struct codec_opus_decoder {
	unsigned rate_hz;
	_Alignas(max_align_t) uint8_t state[];
};

static OpusEncoder *enc(struct codec_opus_encoder *e)
{
	return (OpusEncoder *)(void *)e->state;
}

static OpusDecoder *dec(struct codec_opus_decoder *d)
{
	return (OpusDecoder *)(void *)d->state;
}

/* Settings within their documented range cannot fail. */
#define SET(e, request) must(opus_encoder_ctl(enc(e), request))

static void must(int result)
{
	assert(result == OPUS_OK);
}

static void set_loss(struct codec_opus_encoder *e)
{
	SET(e, OPUS_SET_PACKET_LOSS_PERC((opus_int32)((e->loss * 100 + 255) / 256)));
}

int codec_opus_encoder_new(struct codec_opus_encoder **out, const struct codec_opus_params *p)
{
	if (p->rate_hz != 16000 && p->rate_hz != 24000 && p->rate_hz != 48000)
		return -EINVAL;

	struct codec_opus_encoder *e = mem_zalloc(sizeof(*e) + (size_t)opus_encoder_get_size(1));
	if (!e)
		return -ENOMEM;
	e->rate_hz = p->rate_hz;
	e->loss = ASSUMED_LOSS;
	if (opus_encoder_init(enc(e), (opus_int32)p->rate_hz, 1, OPUS_APPLICATION_VOIP) !=
	    OPUS_OK) {
		mem_free(e);
		return -EINVAL;
	}
	SET(e, OPUS_SET_BITRATE(p->bitrate ? p->bitrate : DEFAULT_BITRATE));
	SET(e, OPUS_SET_COMPLEXITY(p->complexity ? p->complexity : DEFAULT_COMPLEXITY));
	SET(e, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
	SET(e, OPUS_SET_INBAND_FEC(1));
	SET(e, OPUS_SET_DTX(0));
	set_loss(e);
	*out = e;
	return 0;
}

void codec_opus_encoder_free(struct codec_opus_encoder *e)
{
	mem_free(e);
}

size_t codec_opus_encode(struct codec_opus_encoder *e, const int16_t *pcm, size_t n, uint8_t *to,
			 size_t room)
{
	assert(room >= 256);

	opus_int32 len = opus_encode(enc(e), pcm, (int)n, to, (opus_int32)MIN(room, 1500));
	assert(len > 0);
	return (size_t)len;
}

void codec_opus_encoder_reset(struct codec_opus_encoder *e)
{
	SET(e, OPUS_RESET_STATE);
}

void codec_opus_encoder_set_complexity(struct codec_opus_encoder *e, int complexity)
{
	SET(e, OPUS_SET_COMPLEXITY(complexity));
}

void codec_opus_encoder_loss(struct codec_opus_encoder *e, unsigned fraction_lost)
{
	e->loss = MAX(MIN(fraction_lost, 255), e->loss * 3 / 4);
	set_loss(e);
}

size_t codec_opus_encoder_delay(const struct codec_opus_encoder *e)
{
	opus_int32 n = 0;

	/* libopus has no const accessor */
	opus_encoder_ctl((OpusEncoder *)(uintptr_t)e->state, OPUS_GET_LOOKAHEAD(&n));
	return (size_t)n;
}

int codec_opus_decoder_new(struct codec_opus_decoder **out, unsigned rate_hz)
{
	struct codec_opus_decoder *d = mem_zalloc(sizeof(*d) + (size_t)opus_decoder_get_size(1));

	if (!d)
		return -ENOMEM;
	d->rate_hz = rate_hz;
	if (opus_decoder_init(dec(d), (opus_int32)rate_hz, 1) != OPUS_OK) {
		mem_free(d);
		return -EINVAL;
	}
	*out = d;
	return 0;
}

void codec_opus_decoder_free(struct codec_opus_decoder *d)
{
	mem_free(d);
}

size_t codec_opus_samples(struct bytes packet, unsigned rate_hz)
{
	if (packet.n == 0 || packet.n > CODEC_OPUS_PACKET_MAX)
		return 0;

	int n = opus_packet_get_nb_samples(packet.p, (opus_int32)packet.n, (opus_int32)rate_hz);
	return n > 0 ? (size_t)n : 0;
}

enum codec_opus_verdict codec_opus_decode(struct codec_opus_decoder *d, struct bytes packet,
					  int16_t *pcm, size_t *n)
{
	size_t len = codec_opus_samples(packet, d->rate_hz);

	/* libopus takes an empty packet for a lost one; from a stranger it is an error */
	if (!len)
		return CODEC_OPUS_CORRUPT;

	int got = opus_decode(dec(d), packet.p, (opus_int32)packet.n, pcm, (int)len, 0);
	if (got <= 0)
		return CODEC_OPUS_CORRUPT;
	*n = (size_t)got;
	return CODEC_OPUS_OK;
}

static void check_gap(const struct codec_opus_decoder *d, size_t n)
{
	assert(n > 0 && n % (d->rate_hz / QUANTA_PER_S) == 0);
	assert(n <= d->rate_hz / 1000 * CODEC_OPUS_MS_MAX);
}

enum codec_opus_verdict codec_opus_decode_fec(struct codec_opus_decoder *d, struct bytes next,
					      int16_t *pcm, size_t n)
{
	check_gap(d, n);
	if (!codec_opus_samples(next, d->rate_hz))
		return CODEC_OPUS_CORRUPT;

	int got = opus_decode(dec(d), next.p, (opus_int32)next.n, pcm, (int)n, 1);
	return got == (int)n ? CODEC_OPUS_OK : CODEC_OPUS_CORRUPT;
}

void codec_opus_conceal(struct codec_opus_decoder *d, int16_t *pcm, size_t n)
{
	check_gap(d, n);

	int got = opus_decode(dec(d), NULL, 0, pcm, (int)n, 0);
	if (got < 0) /* a fresh decoder has no past to continue */
		got = 0;
	memset(pcm + got, 0, (n - (size_t)got) * sizeof(*pcm));
}
