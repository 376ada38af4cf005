/* rtcp.c - any octets as a compound RTCP packet; what is understood survives a round trip.
 * Links: rtc/rtcp.c. */
#include "rtc/rtcp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct rtcp_view v, again;

	if (rtcp_parse(bytes_of(p, n), &v) != RTCP_OK)
		return 0;
	if (v.cname.p && (v.cname.p < p || v.cname.p + v.cname.n > p + n))
		abort();

	struct rtcp_out o = { .ssrc = v.ssrc,
			      .sr = v.has_sr ? &v.sr : NULL,
			      .reports = v.reports,
			      .n_reports = v.n_reports,
			      .cname = v.cname,
			      .bye = v.n_byes > 0 };
	uint8_t to[2048];
	size_t len = rtcp_write(&o, to, sizeof(to));
	if (!len || rtcp_parse(bytes_of(to, len), &again) != RTCP_OK)
		abort();
	if (again.n_reports != v.n_reports || !bytes_eq(again.cname, v.cname))
		if (v.cname.n)
			abort();
	for (size_t i = 0; i < v.n_reports; i++)
		if (memcmp(&again.reports[i], &v.reports[i], sizeof(v.reports[i])) != 0)
			abort();

	struct rtcp_stats s;
	rtcp_stats_init(&s, v.ssrc, 48000);
	for (size_t i = 0; i < v.n_reports; i++) {
		(void)rtcp_rtt_us(&v.reports[i], v.sr.ntp);
		rtcp_stats_rtp(&s, (uint16_t)v.reports[i].highest_seq, v.reports[i].jitter,
			       v.reports[i].lsr);
		rtcp_stats_sr(&s, &v.sr, v.reports[i].dlsr);
		if (!rtcp_stats_report(&s, UINT64_MAX, &(struct rtcp_report){ 0 }) && i)
			abort();
	}
	return 0;
}
