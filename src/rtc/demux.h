/* demux.h - which protocol a datagram on our one port speaks, and whose it is.
 *
 * RFC 7983, 7 (first octet) and RFC 5761, 4 (RTP or RTCP by the packet type).
 * Pure; reentrant. Nothing here is authenticated: the answer says whom to ask.
 */
#pragma once

#include "base/bytes.h"

enum demux_kind { DEMUX_STUN, DEMUX_DTLS, DEMUX_RTP, DEMUX_RTCP, DEMUX_OTHER };

enum demux_kind demux_kind(struct bytes datagram);

/* The ICE user fragment of ours that a STUN request names (the half of USERNAME before the
 * colon, see ice_ufrag_loop()); absent when it is no request or names none. */
struct bytes demux_ufrag(struct bytes datagram);
