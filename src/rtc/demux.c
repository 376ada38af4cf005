#include "rtc/demux.h"

#include "rtc/stun.h"

enum demux_kind demux_kind(struct bytes d)
{
	if (d.n < 2)
		return DEMUX_OTHER;
	/*        [0..3] -+--> STUN
	 *      [20..63] -+--> DTLS
	 *    [128..191] -+--> RTP or RTCP     RFC 7983, 7 */
	if (d.p[0] <= 3)
		return DEMUX_STUN;
	if (d.p[0] >= 20 && d.p[0] <= 63)
		return DEMUX_DTLS;
	if (d.p[0] < 128 || d.p[0] > 191)
		return DEMUX_OTHER;
	/* RTCP packet types 192 to 223 are what RTP would show as marker bit and 64 to 95. */
	return d.p[1] >= 192 && d.p[1] <= 223 ? DEMUX_RTCP : DEMUX_RTP;
}

struct bytes demux_ufrag(struct bytes d)
{
	struct stun_msg m = { 0 };
	enum stun_verdict v = stun_parse(d, &m);

	if ((v != STUN_OK && v != STUN_UNKNOWN_ATTR) || m.type != STUN_BINDING_REQUEST)
		return (struct bytes){ 0 };
	return stun_user(m.username);
}
