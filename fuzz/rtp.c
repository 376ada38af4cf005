/* rtp.c - any octets as an RTP packet: the view stays inside, and so does every extension.
 * Links: rtc/rtp.c. */
#include "rtc/rtp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void inside(struct bytes all, struct bytes part)
{
	if (part.p && (part.p < all.p || part.p + part.n > all.p + all.n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes all = bytes_of(p, n);
	struct rtp_view v;

	if (rtp_parse(all, &v) != RTP_OK)
		return 0;
	inside(all, v.payload);
	inside(all, v.ext);
	inside(all, bytes_of(v.csrc, 4u * v.n_csrc));
	for (unsigned id = 0; id < 256; id++)
		inside(all, rtp_ext(&v, id));

	/* what we understood of it, written and read again, is the same */
	struct rtp_header h = {
		.marker = v.marker, .pt = v.pt, .seq = v.seq, .ts = v.ts, .ssrc = v.ssrc
	};
	uint8_t to[RTP_HEADER_MAX];
	struct rtp_view again;
	for (uint8_t id = 1; id < 15 && h.n_ext < RTP_EXT_MAX; id++) {
		struct bytes e = rtp_ext(&v, id);

		if (e.n < 1 || e.n > RTP_EXT_VALUE_MAX)
			continue;
		h.ext[h.n_ext].id = id;
		h.ext[h.n_ext++].value = e;
	}
	size_t len = rtp_write(&h, to, sizeof(to));
	if (h.marker && h.pt >= 64 && h.pt < 96) /* would read as RTCP, and does not parse as RTP */
		abort();
	if (!len || rtp_parse(bytes_of(to, len), &again) != RTP_OK || again.ts != v.ts)
		abort();
	for (unsigned i = 0; i < h.n_ext; i++)
		if (!bytes_eq(rtp_ext(&again, h.ext[i].id), h.ext[i].value))
			abort();
	return 0;
}
