/* A voice's octets from another service, in parts of any size. The first octet says how large. */
#include "service/sample_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct sample_stream s;
	struct buf out = { 0 };
	enum sample_stream_verdict v = SAMPLE_STREAM_OK;

	if (n < 1)
		return 0;
	sample_stream_init(&s, 24000, 24000);
	for (size_t at = 1, step = p[0] * 8 + 1; at < n && v == SAMPLE_STREAM_OK; at += step)
		v = sample_stream_push(&s, bytes_of(p + at, MIN(step, n - at)), &out);
	if (v == SAMPLE_STREAM_OK)
		v = sample_stream_end(&s, &out);
	(void)v;
	sample_stream_done(&s);
	buf_done(&out);
	return 0;
}
