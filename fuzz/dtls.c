/* Datagrams against DTLS. The first octet chooses: 0 a client, 1 a server, that are fed
 * {length, octets}... from a stranger; 2 a true handshake whose datagrams are changed:
 * {which, where, xor}...; 3 the same against a connection that is up, which must survive: it
 * serves many inputs. Links dtls.c and rtpsec.c. */
#include "base/buf.h"
#include "base/env.h"
#include "rtc/dtls.h"

#include <stdlib.h>

enum { NOW = US_PER_S, USES = 256 };

static struct cert *cert;
static struct fingerprint print;
static const uint8_t *edits;
static size_t n_edits;

static void init(void)
{
	char text[CERT_FINGERPRINT];

	if (cert)
		return;
	if (cert_new(&cert, &env_system) != 0)
		abort();
	cert_fingerprint(cert, text);
	if (fingerprint_parse(bytes_str("sha-256"), bytes_str(text), &print) != FINGERPRINT_OK)
		abort();
}

static void drain(struct dtls *d)
{
	uint8_t out[DTLS_DATAGRAM_MAX];
	size_t n;

	while (dtls_read(d, out, sizeof(out)) > 0)
		;
	while (dtls_output(d, out, sizeof(out), &n))
		;
}

static void raw(enum dtls_role role, const uint8_t *p, size_t n)
{
	struct dtls *d = NULL;
	struct rtpsec_keys k;

	if (dtls_new(&d, cert, role, &print) != 0)
		return;
	(void)dtls_start(d, NOW);
	drain(d);
	for (size_t off = 0; n - off >= 2;) {
		size_t len = MIN((size_t)be16(p + off), n - off - 2);

		(void)dtls_input(d, bytes_of(p + off + 2, len), NOW);
		drain(d);
		off += 2 + len;
	}
	(void)dtls_on_time(d, NOW + US_PER_S);
	if (dtls_keys(d, &k) == 0)
		abort(); /* nobody but the owner of the key could get here */
	dtls_free(d);
}

static void edit(unsigned number, uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 3 <= n_edits; i += 3)
		if (edits[i] == number && n)
			p[edits[i + 1] * n / 256] ^= edits[i + 2];
}

static void exchange(struct dtls **end, unsigned *number)
{
	uint8_t d[DTLS_DATAGRAM_MAX], data[64];
	size_t n;

	for (int round = 0; round < 20; round++) {
		bool moved = false;

		for (int i = 0; i < 2; i++) {
			while (dtls_output(end[i], d, sizeof(d), &n)) {
				edit((*number)++, d, n);
				(void)dtls_input(end[!i], bytes_of(d, n), NOW);
				while (dtls_read(end[!i], data, sizeof(data)) > 0)
					;
				moved = true;
			}
		}
		if (!moved)
			break;
	}
}

static bool pair_new(struct dtls **end)
{
	end[0] = end[1] = NULL;
	return dtls_new(&end[0], cert, DTLS_CLIENT, &print) == 0 &&
	       dtls_new(&end[1], cert, DTLS_SERVER, &print) == 0 &&
	       dtls_start(end[0], NOW) != DTLS_FAILED && dtls_start(end[1], NOW) != DTLS_FAILED;
}

static void pair_free(struct dtls **end)
{
	dtls_free(end[0]);
	dtls_free(end[1]);
}

static void change_handshake(void)
{
	struct dtls *end[2];
	unsigned number = 0;

	if (!pair_new(end))
		abort();
	exchange(end, &number);
	pair_free(end);
}

static void change_data(void)
{
	static struct dtls *end[2];
	static unsigned n_uses;
	struct rtpsec_keys k;
	unsigned number = 0;
	size_t keep = n_edits;

	if (n_uses++ % USES == 0) {
		if (n_uses > 1)
			pair_free(end);
		n_edits = 0;
		if (!pair_new(end))
			abort();
		exchange(end, &number);
		n_edits = keep;
	}
	for (int i = 0; i < 8; i++) {
		if (dtls_write(end[i % 2], bytes_str("some data")) != 0)
			abort();
		number = (unsigned)i;
		exchange(end, &number);
	}
	if (dtls_keys(end[0], &k) != 0 || dtls_keys(end[1], &k) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	init();
	if (n == 0)
		return 0;
	edits = p + 1;
	n_edits = n - 1;
	if (p[0] % 4 < 2)
		raw(p[0] % 4 ? DTLS_SERVER : DTLS_CLIENT, p + 1, n - 1);
	else if (p[0] % 4 == 2)
		change_handshake();
	else
		change_data();
	return 0;
}
