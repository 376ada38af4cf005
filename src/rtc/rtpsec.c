#include "rtc/rtpsec.h"

#include <errno.h>
#include <pthread.h>
#include <srtp2/srtp.h>

#include "base/alloc.h"
#include "base/buf.h"

enum { RTP_HEADER = 12, RTCP_HEADER = 8, RTP_EXT_HEADER = 4 };

struct rtpsec {
	srtp_t local, remote;
	enum rtpsec_profile profile;
	uint32_t ssrc[RTPSEC_SSRC_MAX]; /* of the peer, once authenticated */
	size_t n_ssrc;
	uint64_t n_in, n_out, n_refused[RTPSEC_FAILED + 1];
};

static const struct profile {
	enum rtpsec_profile id;
	size_t key_salt_len;
	void (*rtp)(srtp_crypto_policy_t *);
	void (*rtcp)(srtp_crypto_policy_t *);
} profiles[] = {
	/* SRTCP has the 80 bit tag in both (RFC 5764, 4.1.2). */
	{ RTPSEC_AES128_CM_SHA1_80, 30, srtp_crypto_policy_set_rtp_default,
	  srtp_crypto_policy_set_rtcp_default },
	{ RTPSEC_AEAD_AES_128_GCM, 28, srtp_crypto_policy_set_aes_gcm_128_16_auth,
	  srtp_crypto_policy_set_aes_gcm_128_16_auth },
};

static const struct profile *find_profile(enum rtpsec_profile id)
{
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++)
		if (profiles[i].id == id)
			return &profiles[i];
	return NULL;
}

size_t rtpsec_key_salt_len(enum rtpsec_profile p)
{
	const struct profile *row = find_profile(p);

	return row ? row->key_salt_len : 0;
}

/* --- life ---------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool ready;

static void init_library(void)
{
	ready = srtp_init() == srtp_err_status_ok;
}

static srtp_t context(const struct profile *row, srtp_ssrc_type_t type, const uint8_t *key)
{
	uint8_t copy[RTPSEC_KEY_SALT_MAX]; /* the policy's pointer is not const */
	srtp_policy_t policy = { .ssrc = { .type = type }, .window_size = RTPSEC_WINDOW };
	srtp_t ctx = NULL;

	memcpy(copy, key, row->key_salt_len);
	policy.key = copy;
	row->rtp(&policy.rtp);
	row->rtcp(&policy.rtcp);
	if (srtp_create(&ctx, &policy) != srtp_err_status_ok)
		ctx = NULL;
	explicit_bzero(copy, sizeof(copy));
	return ctx;
}

int rtpsec_new(struct rtpsec **out, const struct rtpsec_keys *k)
{
	const struct profile *row = find_profile(k->profile);

	if (!row)
		return -EINVAL;
	pthread_once(&once, init_library);
	if (!ready)
		return -ENOSYS;

	struct rtpsec *r = mem_zalloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->profile = k->profile;
	r->local = context(row, ssrc_any_outbound, k->local);
	r->remote = context(row, ssrc_any_inbound, k->remote);
	if (!r->local || !r->remote) {
		rtpsec_free(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

void rtpsec_free(struct rtpsec *r)
{
	if (!r)
		return;
	if (r->local)
		srtp_dealloc(r->local);
	if (r->remote)
		srtp_dealloc(r->remote);
	mem_free(r);
}

/* --- verdicts ------------------------------------------------------------ */

static enum rtpsec_verdict verdict(srtp_err_status_t s)
{
	static const struct {
		srtp_err_status_t status;
		enum rtpsec_verdict v;
	} rows[] = {
		{ srtp_err_status_ok, RTPSEC_OK },
		{ srtp_err_status_replay_fail, RTPSEC_REPLAYED },
		{ srtp_err_status_replay_old, RTPSEC_REPLAYED },
		{ srtp_err_status_pkt_idx_old, RTPSEC_REPLAYED },
		{ srtp_err_status_auth_fail, RTPSEC_FORGED },
		{ srtp_err_status_cipher_fail, RTPSEC_FORGED },
		{ srtp_err_status_cant_check, RTPSEC_FORGED }, /* SRTCP without its E bit */
		{ srtp_err_status_parse_err, RTPSEC_MALFORMED },
		{ srtp_err_status_bad_param, RTPSEC_MALFORMED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == s)
			return rows[i].v;
	return RTPSEC_FAILED;
}

static enum rtpsec_verdict count(struct rtpsec *r, enum rtpsec_verdict v)
{
	r->n_refused[v]++;
	return v;
}

/* RFC 3550, 5.1 and 5.3.1: the header, its CSRC list and its extension must be there. */
static bool is_rtp(const uint8_t *p, size_t n)
{
	if (n < RTP_HEADER || n > INT16_MAX || p[0] >> 6 != 2)
		return false;
	size_t need = RTP_HEADER + 4u * (p[0] & 15);

	if (p[0] & 0x10) {
		if (n < need + RTP_EXT_HEADER)
			return false;
		need += RTP_EXT_HEADER + 4u * be16(p + need + 2);
	}
	return n >= need;
}

static bool is_rtcp(const uint8_t *p, size_t n)
{
	return n >= RTCP_HEADER && n <= INT16_MAX && p[0] >> 6 == 2;
}

static bool knows(const struct rtpsec *r, uint32_t ssrc)
{
	for (size_t i = 0; i < r->n_ssrc; i++)
		if (r->ssrc[i] == ssrc)
			return true;
	return false;
}

typedef srtp_err_status_t (*srtp_fn)(srtp_t, void *, int *);

static enum rtpsec_verdict protect(struct rtpsec *r, srtp_fn fn, uint8_t *p, size_t *n, size_t cap)
{
	if (cap < *n || cap - *n < RTPSEC_GROWTH)
		return count(r, RTPSEC_MALFORMED);
	int len = (int)*n;
	enum rtpsec_verdict v = verdict(fn(r->local, p, &len));

	if (v != RTPSEC_OK)
		return count(r, v);
	r->n_out++;
	*n = (size_t)len;
	return RTPSEC_OK;
}

/* libsrtp checks a new source's packet against a template, and makes state for the
 * source only when the tag is right: so only the peer can make state, up to our cap. */
static enum rtpsec_verdict unprotect(struct rtpsec *r, srtp_fn fn, uint32_t ssrc, uint8_t *p,
				     size_t *n)
{
	bool known = knows(r, ssrc);
	if (!known && r->n_ssrc == RTPSEC_SSRC_MAX)
		return count(r, RTPSEC_TOO_MANY);

	int len = (int)*n;
	enum rtpsec_verdict v = verdict(fn(r->remote, p, &len));
	if (v != RTPSEC_OK)
		return count(r, v);
	if (!known)
		r->ssrc[r->n_ssrc++] = ssrc;
	r->n_in++;
	*n = (size_t)len;
	return RTPSEC_OK;
}

/* --- the four ------------------------------------------------------------ */

enum rtpsec_verdict rtpsec_protect_rtp(struct rtpsec *r, uint8_t *p, size_t *n, size_t cap)
{
	if (!is_rtp(p, *n))
		return count(r, RTPSEC_MALFORMED);
	return protect(r, srtp_protect, p, n, cap);
}

enum rtpsec_verdict rtpsec_protect_rtcp(struct rtpsec *r, uint8_t *p, size_t *n, size_t cap)
{
	if (!is_rtcp(p, *n))
		return count(r, RTPSEC_MALFORMED);
	return protect(r, srtp_protect_rtcp, p, n, cap);
}

enum rtpsec_verdict rtpsec_unprotect_rtp(struct rtpsec *r, uint8_t *p, size_t *n)
{
	if (!is_rtp(p, *n))
		return count(r, RTPSEC_MALFORMED);
	return unprotect(r, srtp_unprotect, be32(p + 8), p, n);
}

enum rtpsec_verdict rtpsec_unprotect_rtcp(struct rtpsec *r, uint8_t *p, size_t *n)
{
	if (!is_rtcp(p, *n))
		return count(r, RTPSEC_MALFORMED);
	return unprotect(r, srtp_unprotect_rtcp, be32(p + 4), p, n);
}

void rtpsec_dump(const struct rtpsec *r, struct buf *to)
{
	buf_printf(to,
		   "rtpsec profile=%#x in=%llu out=%llu ssrcs=%zu replayed=%llu forged=%llu "
		   "malformed=%llu too_many=%llu failed=%llu\n",
		   (unsigned)r->profile, (unsigned long long)r->n_in,
		   (unsigned long long)r->n_out, r->n_ssrc,
		   (unsigned long long)r->n_refused[RTPSEC_REPLAYED],
		   (unsigned long long)r->n_refused[RTPSEC_FORGED],
		   (unsigned long long)r->n_refused[RTPSEC_MALFORMED],
		   (unsigned long long)r->n_refused[RTPSEC_TOO_MANY],
		   (unsigned long long)r->n_refused[RTPSEC_FAILED]);
}
