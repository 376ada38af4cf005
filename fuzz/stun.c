/* Datagrams from strangers, through the demultiplexer, the STUN parser and an ICE agent that
 * must not let one in. Sources: src/rtc/{demux,stun,ice}.c and libbase. The first octet
 * says whether the rest is taken as it is or gets a right HMAC first. */
#include <assert.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "rtc/demux.h"
#include "rtc/ice.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Our user name in front and MESSAGE-INTEGRITY behind, around the input's attributes. */
static struct bytes make_authentic(const struct ice *ice, struct bytes attrs,
				   uint8_t to[static 2048])
{
	size_t n = MIN(attrs.n & ~(size_t)3, 1500);

	memcpy(to, "\x00\x01\x00\x00\x21\x12\xa4\x42transactions\x00\x06\x00\x0c", 24);
	memcpy(to + 24, ice_ufrag(ice).p, ICE_UFRAG_LEN);
	memcpy(to + 34, ":x", 2);
	if (n)
		memcpy(to + 36, attrs.p, n);
	put_be16(to + 2, (uint16_t)(16 + n + 24));

	struct bytes before = { to, 36 + n };
	put_be16(to + before.n, 8);
	put_be16(to + before.n + 2, SHA1_LEN);
	if (hmac_sha1(ice_pwd(ice), &before, 1, to + before.n + 4) != 0)
		abort();
	return bytes_of(to, before.n + 24);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct env_fake f;
	static const struct addr from = { .family = ADDR_V4, .ip = { 192, 0, 2, 1 }, .port = 9 };
	struct ice *ice = NULL;
	struct ice_reply r;
	uint8_t authentic[2048];

	if (n < 1)
		return 0;
	env_fake_init(&f, 7);
	if (ice_new(&ice, &f.env, 1) != 0)
		abort();

	struct bytes d = bytes_of(p + 1, n - 1);
	(void)demux_kind(d);
	(void)demux_ufrag(d);
	if (p[0] & 1)
		d = make_authentic(ice, d, authentic);

	enum ice_verdict v = ice_input(ice, d, &from, f.now_us, &r);
	if (v == ICE_ANSWER) {
		struct stun_msg m;
		enum stun_verdict back = stun_parse(bytes_of(r.p, r.n), &m);

		assert(r.n > 0 && r.n <= STUN_REPLY_MAX);
		assert(back == STUN_OK || back == STUN_UNKNOWN_ATTR);
		assert(m.type == STUN_BINDING_SUCCESS || m.type == STUN_BINDING_ERROR);
	} else {
		assert(ice_state(ice) == ICE_WAITING && !ice_is_valid(ice, &from, f.now_us));
	}
	ice_free(ice);
	return 0;
}
