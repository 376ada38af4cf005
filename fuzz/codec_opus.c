/* codec_opus.c - any octets as Opus packets: length octet and packet, again and again.
 * Links: media/codec_opus.c base/alloc.c -lopus. */
#include "media/codec_opus.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static int16_t pcm[16 * CODEC_OPUS_MS_MAX];
	struct codec_opus_decoder *d = NULL;

	if (codec_opus_decoder_new(&d, 16000))
		abort();
	while (n > 1) {
		size_t len = MIN(p[0], n - 1), got = 0;
		struct bytes packet = bytes_of(p + 1, len);
		size_t samples = codec_opus_samples(packet, 16000);

		if (samples > ARRAY_LEN(pcm))
			abort();
		if (p[0] % 7 == 0 && codec_opus_decode_fec(d, packet, pcm, 320) == CODEC_OPUS_OK &&
		    !samples)
			abort();
		if (codec_opus_decode(d, packet, pcm, &got) == CODEC_OPUS_OK && got != samples)
			abort();
		p += 1 + len;
		n -= 1 + len;
	}
	codec_opus_conceal(d, pcm, 320);
	codec_opus_decoder_free(d);
	return 0;
}
