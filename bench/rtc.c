/* What a call costs this machine: packets, checks, offers, a whole connection. CPU time of one
 * thread; both ends of the connection count in the last row, datagrams never reach a
 * socket. Prints the median of the rounds. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rtc/caller.h"

enum { ROUNDS = 15, PACKETS = 2000, PAYLOAD = 80, OFFERS = 200, CONNECTIONS = 20 };

static uint8_t packets[PACKETS][256];
static size_t lengths[PACKETS];
static uint16_t next_seq;

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(const char *what, double *us, double per)
{
	qsort(us, ROUNDS, sizeof(*us), by_size);
	printf("%-34s %9.2f us\n", what, us[ROUNDS / 2] / per);
}

static void make_packets(struct client *c)
{
	for (size_t i = 0; i < PACKETS; i++) {
		struct rtp_header h = { .pt = 111, .seq = next_seq++, .ssrc = 42, .n_ext = 1 };

		h.ext[0].id = 1;
		h.ext[0].value = bytes_of("\x92", 1);
		size_t n = rtp_write(&h, packets[i], sizeof(packets[i]));
		memset(packets[i] + n, (int)i, PAYLOAD);
		n += PAYLOAD;
		if (rtpsec_protect_rtp(c->sec, packets[i], &n, sizeof(packets[i])) != RTPSEC_OK)
			abort();
		lengths[i] = n;
	}
}

static void bench_audio(struct client *c)
{
	double in[ROUNDS], out[ROUNDS], checks[ROUNDS];
	uint8_t payload[PAYLOAD] = { 0 };

	for (size_t r = 0; r < ROUNDS; r++) {
		make_packets(c);
		double t = cpu_us();
		for (size_t i = 0; i < PACKETS; i++)
			peer_input(c->peer, bytes_of(packets[i], lengths[i]), &c->addr,
				   c->f.now_us);
		in[r] = cpu_us() - t;

		t = cpu_us();
		for (uint32_t i = 0; i < PACKETS; i++) {
			c->n_wire = 0;
			if (peer_send_audio(c->peer, bytes_of(payload, PAYLOAD), 960 * i, false,
					    c->f.now_us) != 0)
				abort();
		}
		out[r] = cpu_us() - t;

		t = cpu_us();
		for (size_t i = 0; i < PACKETS; i++) {
			c->n_wire = 0;
			check(c, &c->addr);
		}
		checks[r] = cpu_us() - t;
	}
	report("SRTP packet in, 80 octets", in, PACKETS);
	report("SRTP packet out, 80 octets", out, PACKETS);
	report("ICE check written and answered", checks, PACKETS);
}

static void bench_offers(void)
{
	double us[ROUNDS];
	struct client c = { 0 };

	for (size_t r = 0; r < ROUNDS; r++) {
		double t = cpu_us();

		for (size_t i = 0; i < OFFERS; i++) {
			if (!client_init(&c) || offer(&c, &(struct offer){ 0 }) != SDP_OK)
				abort();
			peer_free(c.peer);
			c.peer = NULL;
		}
		us[r] = cpu_us() - t;
	}
	report("peer_new, peer_offer, peer_free", us, OFFERS);
	client_auto_(&c);
}

static void bench_connections(void)
{
	double us[ROUNDS];
	struct client c = { 0 };

	for (size_t r = 0; r < ROUNDS; r++) {
		double t = cpu_us();

		for (size_t i = 0; i < CONNECTIONS; i++) {
			struct cert *cert = c.cert, *server_cert = c.server_cert;

			c.cert = c.server_cert = NULL;
			client_auto_(&c);
			memset(&c, 0, sizeof(c));
			c.cert = cert;
			c.server_cert = server_cert;
			if (!connect(&c))
				abort();
		}
		us[r] = cpu_us() - t;
	}
	report("offer to keys, both ends", us, CONNECTIONS);
	client_auto_(&c);
}

int main(void)
{
	static struct client c;

	if (!connect(&c))
		return 1;
	bench_audio(&c);
	bench_offers();
	bench_connections();
	client_auto_(&c);
	return 0;
}
