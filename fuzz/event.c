/* Client events, as octets from a stranger: each line of the input is one message to a
 * session whose engines are fakes; between them some time passes. */
#include "session/rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(rig) struct rig r = { 0 };

	if (n < 1 || !rig_init(&r) || !rig_start(&r, NULL, p[0] & 1 ? 48000 : 0))
		return 0;
	for (size_t at = 1, end; at < n; at = end + 1) {
		for (end = at; end < n && p[end] != '\n'; end++)
			;
		session_on_message(r.s, &r.legs[0].leg, bytes_of(p + at, end - at), r.env.now_us);
		rig_wait(&r, 30000);
	}
	rig_audio(&r, 60, RIG_LOUD);
	return 0;
}
