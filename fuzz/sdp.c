/* Offers from strangers. Sources: src/rtc/{sdp,answer}.c and what librtc and libbase need for it.
 * Whatever parses must be answered, and the answer must hold no line of the offer's making
 * that is not SDP. */
#include <assert.h>
#include <stdlib.h>

#include "rtc/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct sdp_offer o;
	const char *why = NULL;
	struct buf answer = { 0 };

	if (sdp_parse(bytes_of(p, n), &o, &why) != SDP_OK) {
		assert(why && *why);
		return 0;
	}

	struct answer a = {
		.offer = &o,
		.ufrag = bytes_str("00aaaaaaa0"),
		.pwd = bytes_str("aaaaaaaaaaaaaaaaaaaaaaaa"),
		.fingerprint = "AA",
		.setup = SDP_ACTIVE,
		.cname = "c",
		.stream = "s",
		.track = "t",
	};
	if (answer_write(&a, &answer) != 0)
		abort();

	size_t sections = 0;
	for (size_t i = 0; i < answer.n; i++) {
		bool starts = i == 0 || answer.p[i - 1] == '\n';

		assert(answer.p[i] != 0 && (answer.p[i] != '\n' || answer.p[i - 1] == '\r'));
		assert(!starts || (i + 1 < answer.n && answer.p[i + 1] == '='));
		sections += starts && answer.p[i] == 'm';
	}
	assert(sections == o.n_sections);
	buf_done(&answer);
	return 0;
}
