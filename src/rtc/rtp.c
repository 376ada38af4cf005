#include "rtc/rtp.h"

#include <assert.h>

/* RFC 8285, 4.2 and 4.3. */
enum { ONE_BYTE = 0xBEDE, TWO_BYTE = 0x1000, TWO_BYTE_MASK = 0xFFF0, ONE_BYTE_STOP = 15 };

/* Octets before the payload, or 0: they run over the end. */
static size_t header_len(struct bytes b)
{
	size_t at = RTP_HEADER_LEN + 4u * (b.p[0] & 15u);

	if (b.p[0] & 0x10) {
		if (b.n < at + 4)
			return 0;
		at += 4 + 4u * be16(b.p + at + 2);
	}
	return b.n < at ? 0 : at;
}

enum rtp_verdict rtp_parse(struct bytes b, struct rtp_view *out)
{
	if (b.n < 2 || b.p[0] >> 6 != 2 || rtp_is_rtcp(b))
		return RTP_NOT_RTP;
	if (b.n < RTP_HEADER_LEN)
		return RTP_MALFORMED;

	size_t at = header_len(b), padding = b.p[0] & 0x20 ? b.p[b.n - 1] : 0;

	/* "The last octet of the padding contains a count of how many padding octets should
	 * be ignored, including itself" (5.1): nought is a lie, and so is more than there is. */
	if (!at || ((b.p[0] & 0x20) && padding == 0) || b.n - at < padding)
		return RTP_MALFORMED;

	unsigned n_csrc = b.p[0] & 15u;
	size_t ext_at = RTP_HEADER_LEN + 4u * n_csrc;
	*out = (struct rtp_view){
		.marker = b.p[1] >> 7,
		.pt = b.p[1] & 127,
		.seq = be16(b.p + 2),
		.ts = be32(b.p + 4),
		.ssrc = be32(b.p + 8),
		.n_csrc = n_csrc,
		.csrc = b.p + RTP_HEADER_LEN,
		.payload = bytes_sub(b, at, b.n - at - padding),
	};
	if (b.p[0] & 0x10) {
		out->ext_profile = be16(b.p + ext_at);
		out->ext = bytes_sub(b, ext_at + 4, at - ext_at - 4);
	}
	return RTP_OK;
}

static struct bytes find_one_byte(struct bytes e, unsigned id)
{
	for (size_t i = 0; i < e.n;) {
		unsigned got = e.p[i] >> 4;
		size_t len = (e.p[i] & 15u) + 1;

		if (e.p[i] == 0) { /* padding */
			i++;
			continue;
		}
		if (got == 0 || got == ONE_BYTE_STOP || e.n - i < 1 + len)
			break;
		if (got == id)
			return bytes_sub(e, i + 1, len);
		i += 1 + len;
	}
	return (struct bytes){ 0 };
}

static struct bytes find_two_byte(struct bytes e, unsigned id)
{
	for (size_t i = 0; i < e.n;) {
		if (e.p[i] == 0) {
			i++;
			continue;
		}
		if (e.n - i < 2 || e.n - i - 2 < e.p[i + 1])
			break;
		if (e.p[i] == id)
			return bytes_sub(e, i + 2, e.p[i + 1]);
		i += 2u + e.p[i + 1];
	}
	return (struct bytes){ 0 };
}

struct bytes rtp_ext(const struct rtp_view *v, unsigned id)
{
	if (id == 0 || !v->ext.p)
		return (struct bytes){ 0 };
	if (v->ext_profile == ONE_BYTE)
		return find_one_byte(v->ext, id);
	if ((v->ext_profile & TWO_BYTE_MASK) == TWO_BYTE)
		return find_two_byte(v->ext, id);
	return (struct bytes){ 0 };
}

unsigned rtp_audio_level(const struct rtp_view *v, unsigned id, bool *voice)
{
	struct bytes e = rtp_ext(v, id);

	if (e.n < 1) /* two-byte form may carry one octet of padding more (RFC 6464, 3) */
		return RTP_LEVEL_NONE;
	if (voice)
		*voice = e.p[0] >> 7;
	return e.p[0] & 127u;
}

static size_t ext_len(const struct rtp_header *h)
{
	size_t n = 0;

	for (unsigned i = 0; i < h->n_ext; i++)
		n += 1 + h->ext[i].value.n;
	return h->n_ext ? 4 + (n + 3) / 4 * 4 : 0;
}

size_t rtp_write(const struct rtp_header *h, uint8_t *to, size_t room)
{
	assert(h->pt < 128 && h->n_ext <= RTP_EXT_MAX);

	size_t len = RTP_HEADER_LEN + ext_len(h);
	if (room < len)
		return 0;
	to[0] = (uint8_t)(0x80 | (h->n_ext ? 0x10 : 0));
	to[1] = (uint8_t)(h->marker << 7 | h->pt);
	put_be16(to + 2, h->seq);
	put_be32(to + 4, h->ts);
	put_be32(to + 8, h->ssrc);
	if (!h->n_ext)
		return len;

	uint8_t *p = to + RTP_HEADER_LEN;
	memset(p, 0, len - RTP_HEADER_LEN);
	put_be16(p, ONE_BYTE);
	put_be16(p + 2, (uint16_t)((len - RTP_HEADER_LEN - 4) / 4));
	p += 4;
	for (unsigned i = 0; i < h->n_ext; i++) {
		struct bytes v = h->ext[i].value;

		assert(h->ext[i].id >= 1 && h->ext[i].id < ONE_BYTE_STOP);
		assert(v.n >= 1 && v.n <= RTP_EXT_VALUE_MAX);
		*p++ = (uint8_t)(h->ext[i].id << 4 | (v.n - 1));
		memcpy(p, v.p, v.n);
		p += v.n;
	}
	return len;
}
