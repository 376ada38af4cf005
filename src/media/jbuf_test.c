#include "media/jbuf.h"
#include "base/test.h"

enum { HZ = 48000, N = 960, T = 20000 };

/* Packet i of a stream of 20 ms packets; its payload is its number. */
static enum jbuf_put put(struct jbuf *j, unsigned i, uint64_t now_us)
{
	uint16_t payload = (uint16_t)i;
	struct jbuf_packet p = { 1, (uint16_t)(65530 + i), 0xffff0000 + i * N, N,
				 bytes_of(&payload, sizeof(payload)) };

	return jbuf_put(j, &p, now_us);
}

/* What comes out at now_us, as text: P5 a packet, F6 redundancy in packet 6, C20 S300 in ms. */
static const char *drain(struct jbuf *j, uint64_t now_us)
{
	static char s[1024];
	size_t n = 0;
	uint64_t pos = 0;

	s[0] = 0;
	for (int i = 0; i < 200; i++) {
		struct jbuf_out o;
		uint16_t payload = 0;

		jbuf_get(j, now_us, &o);
		if (i && o.pos != pos)
			return "a hole";
		pos = o.pos + o.samples;
		if (o.payload.n == 2)
			memcpy(&payload, o.payload.p, 2);
		if (o.kind == JBUF_WAIT)
			return s;
		unsigned v = o.payload.p ? payload : (unsigned)(o.samples * 1000 / HZ);
		n += (size_t)snprintf(s + n, sizeof(s) - n, "%c%u ", "PFCS"[o.kind], v);
	}
	return "no end";
}

static void in_order_there_is_no_delay(void)
{
	AUTO(jbuf) struct jbuf *j = jbuf_new(HZ);
	char want[16];

	CHECK(j);
	CHECK_STR(drain(j, 0), "");
	for (unsigned i = 0; i < 200; i++) { /* wraps the sequence and the timestamps */
		CHECK_EQ(put(j, i, i * T), JBUF_STORED);
		snprintf(want, sizeof(want), "P%u ", i);
		CHECK_STR(drain(j, i * T), want);
	}
	CHECK_EQ(jbuf_stats(j).stored, 200);
	CHECK_EQ(jbuf_stats(j).lost, 0);
}

static void an_overtaken_packet_is_waited_for(void)
{
	AUTO(jbuf) struct jbuf *j = jbuf_new(HZ);

	CHECK(j);
	CHECK_EQ(put(j, 0, 0), JBUF_STORED);
	CHECK_STR(drain(j, 0), "P0 ");
	CHECK_EQ(put(j, 2, 2 * T), JBUF_STORED);
	CHECK_STR(drain(j, 2 * T), "");
	struct jbuf_out o;
	jbuf_get(j, 2 * T, &o);
	CHECK(o.kind == JBUF_WAIT && o.until_us == 2 * T + 40000);
	CHECK_EQ(put(j, 1, 2 * T + 9000), JBUF_REORDERED);
	CHECK_STR(drain(j, 2 * T + 9000), "P1 P2 ");
	CHECK_EQ(put(j, 1, 2 * T + 9000), JBUF_DUPLICATE);
	CHECK_EQ(put(j, 2, 2 * T + 9000), JBUF_DUPLICATE);
}

static void a_lost_packet_comes_from_redundancy(void)
{
	AUTO(jbuf) struct jbuf *j = jbuf_new(HZ);

	CHECK(j);
	CHECK_EQ(put(j, 0, 0), JBUF_STORED);
	CHECK_STR(drain(j, 0), "P0 ");
	CHECK_EQ(put(j, 2, 2 * T), JBUF_STORED);
	CHECK_EQ(put(j, 3, 3 * T), JBUF_STORED);
	CHECK_EQ(put(j, 3, 3 * T), JBUF_DUPLICATE);
	CHECK_STR(drain(j, 2 * T + 39999), "");
	CHECK_STR(drain(j, 2 * T + 40000), "F2 P2 P3 ");
	CHECK_EQ(put(j, 1, 4 * T), JBUF_LATE);
	CHECK_STR(drain(j, 4 * T), "");
	CHECK_EQ(jbuf_stats(j).lost, 1);
	CHECK_EQ(jbuf_stats(j).fec, 1);
	CHECK_EQ(jbuf_stats(j).late, 1);
}

static void longer_losses_are_guessed_then_silent(void)
{
	AUTO(jbuf) struct jbuf *j = jbuf_new(HZ);

	CHECK(j);
	CHECK_EQ(put(j, 0, 0), JBUF_STORED);
	CHECK_STR(drain(j, 0), "P0 ");
	CHECK_EQ(put(j, 3, 3 * T), JBUF_STORED);
	CHECK_STR(drain(j, 3 * T + 60000), "C20 F3 P3 ");
	CHECK_EQ(put(j, 13, 9 * T), JBUF_STORED); /* nine lost, in less than it takes to be still */
	CHECK_STR(drain(j, 9 * T + 60000), "C20 C20 C20 C20 C20 S60 F13 P13 ");
	CHECK_EQ(jbuf_stats(j).concealed, 6 * N);
	CHECK_EQ(jbuf_stats(j).lost, 2 + 9);
}

static void pauses_of_the_sender_count_as_silence(void)
{
	AUTO(jbuf) struct jbuf *j = jbuf_new(HZ);
	struct jbuf_packet p = { 1, 5, 0, N, bytes_str("ab") };

	CHECK(j);
	CHECK_EQ(jbuf_put(j, &p, 0), JBUF_STORED);
	(void)drain(j, 0);
	p.seq = 6, p.ts = 8 * N; /* 140 ms later, nothing lost */
	CHECK_EQ(jbuf_put(j, &p, 8 * T), JBUF_STORED);
	CHECK(strncmp(drain(j, 8 * T), "S140 P", 6) == 0);
	p.seq = 7, p.ts = 7 * N; /* backward: a new clock, no silence */
	CHECK_EQ(jbuf_put(j, &p, 9 * T), JBUF_STORED);
	CHECK_EQ(drain(j, 9 * T)[0], 'P');
	p.seq = 8, p.ts = 7 * N + 100 * HZ; /* at most 30 s of it */
	CHECK_EQ(jbuf_put(j, &p, 10 * T), JBUF_STORED);
	CHECK(strncmp(drain(j, 10 * T), "S30000 P", 8) == 0);
	p.seq = 9, p.ts += 0x70000000; /* nobody pauses for hours */
	CHECK_EQ(jbuf_put(j, &p, 11 * T), JBUF_STORED);
	CHECK_EQ(drain(j, 11 * T)[0], 'P');
}

static void silence_goes_on_when_nothing_comes(void)
{
	AUTO(jbuf) struct jbuf *j = jbuf_new(HZ);
	struct jbuf_out o;

	CHECK(j);
	CHECK_EQ(put(j, 0, 0), JBUF_STORED);
	CHECK_STR(drain(j, 0), "P0 ");
	jbuf_get(j, 0, &o);
	CHECK(o.kind == JBUF_WAIT && o.until_us == 220000);
	CHECK_STR(drain(j, 219999), "");
	CHECK_STR(drain(j, 220000), "S220 ");
	CHECK_STR(drain(j, 239999), "");
	CHECK_STR(drain(j, 260000), "S20 S20 ");
	/* 500 ms after the first: packets 1..24 were lost, 260 of their 480 ms are told already */
	CHECK_EQ(put(j, 25, 500000), JBUF_STORED);
	CHECK_STR(drain(j, 500000), "");
	CHECK_STR(drain(j, 540000), "S220 P25 ");
	/* for a minute: 30 s of it */
	for (unsigned k = 1; k <= 30; k++)
		(void)drain(j, 500000 + k * UINT64_C(2000000));
	jbuf_get(j, 61000000, &o);
	CHECK(o.kind == JBUF_WAIT && o.until_us == UINT64_MAX);
	CHECK(o.pos >= 30u * HZ + 26 * N && o.pos <= 31u * HZ + 26 * N);
	/* then the same stream again, far ahead */
	CHECK_EQ(put(j, 25 + 3000 - 1, 61000000), JBUF_STORED);
	CHECK_EQ(strncmp(drain(j, 61000000), "S", 1), 0);
}

static void a_new_stream_resets(void)
{
	AUTO(jbuf) struct jbuf *j = jbuf_new(HZ);
	struct jbuf_packet p = { 2, 100, 5, N, bytes_str("ab") };

	CHECK(j);
	CHECK_EQ(put(j, 0, 0), JBUF_STORED);
	CHECK_STR(drain(j, 0), "P0 ");
	CHECK_EQ(jbuf_put(j, &p, T), JBUF_RESET);
	CHECK_EQ(drain(j, T)[0], 'P');
	/* the same source, but numbers far off: one is a stray, two in a row are a restart */
	p.seq = 40000, p.ts = 77;
	CHECK_EQ(jbuf_put(j, &p, 2 * T), JBUF_STRAY);
	p.seq = 101, p.ts = 5 + N;
	CHECK_EQ(jbuf_put(j, &p, 2 * T), JBUF_STORED);
	CHECK_EQ(drain(j, 2 * T)[0], 'P');
	p.seq = 40000, p.ts = 77;
	CHECK_EQ(jbuf_put(j, &p, 3 * T), JBUF_STRAY);
	p.seq = 40001, p.ts = 77 + N;
	CHECK_EQ(jbuf_put(j, &p, 3 * T), JBUF_RESET);
	CHECK_EQ(drain(j, 3 * T)[0], 'P');
	CHECK_EQ(jbuf_stats(j).resets, 2);
	CHECK_EQ(jbuf_stats(j).stray, 2);
}

static void patience_follows_the_path(void)
{
	AUTO(jbuf) struct jbuf *j = jbuf_new(HZ);
	unsigned i = 0;

	CHECK(j);
	for (; i < 100; i += 2) { /* every other one lost: waiting never helps */
		CHECK_EQ(put(j, i, i * T), JBUF_STORED);
		(void)drain(j, i * T + 60000);
	}
	CHECK_EQ(jbuf_stats(j).wait_us, 15000);
	for (; i < 110; i += 2) { /* swapped pairs, 30 ms apart: the first comes too late */
		(void)put(j, i + 1, i * T);
		(void)drain(j, i * T);
		(void)drain(j, i * T + 29999);
		(void)put(j, i, i * T + 30000);
		(void)drain(j, i * T + 30000);
	}
	CHECK(jbuf_stats(j).wait_us >= 30000 && jbuf_stats(j).wait_us <= 60000);
	CHECK(jbuf_stats(j).reordered >= 2);
}

static void what_is_no_audio_is_refused(void)
{
	AUTO(jbuf) struct jbuf *j = jbuf_new(HZ);
	static const uint8_t big[JBUF_PACKET_MAX + 1];
	struct jbuf_packet p = { 1, 1, 1, N, bytes_of(big, sizeof(big)) };

	CHECK(j);
	CHECK_EQ(jbuf_put(j, &p, 0), JBUF_TOO_BIG);
	p.payload.n--;
	CHECK_EQ(jbuf_put(j, &p, 0), JBUF_STORED);
	p.samples = 0;
	CHECK_EQ(jbuf_put(j, &p, 0), JBUF_TOO_BIG);
}

/* A storm: loss, overtaking, duplicates, all seeded. The position always equals the time sent. */
static void a_storm_keeps_time(void)
{
	uint32_t dice = 1;

	for (int run = 0; run < 20; run++) {
		AUTO(jbuf) struct jbuf *j = jbuf_new(HZ);
		struct jbuf_out o;

		CHECK(j);
		CHECK_EQ(put(j, 0, 0), JBUF_STORED);
		for (unsigned i = 1; i < 2000; i++) {
			dice = dice * 1664525 + 1013904223;
			unsigned r = dice >> 24;

			if (r < 40)
				continue;
			if (i > 1 && r < 60)
				(void)put(j, i - 1 - r % 2, i * T);
			(void)put(j, i, i * T);
			if (r > 250)
				(void)put(j, i, i * T);
			CHECK(strcmp(drain(j, i * T), "a hole") != 0);
		}
		CHECK_EQ(put(j, 2000, 2000 * T), JBUF_STORED);
		(void)drain(j, 2000 * T + 70000);
		jbuf_get(j, 2000 * T + 70000, &o);
		CHECK_EQ(o.pos, 2001 * N);
		CHECK(jbuf_stats(j).lost > 50);
	}
}

TESTS({ "in_order_there_is_no_delay", in_order_there_is_no_delay },
      { "an_overtaken_packet_is_waited_for", an_overtaken_packet_is_waited_for },
      { "a_lost_packet_comes_from_redundancy", a_lost_packet_comes_from_redundancy },
      { "longer_losses_are_guessed_then_silent", longer_losses_are_guessed_then_silent },
      { "pauses_of_the_sender_count_as_silence", pauses_of_the_sender_count_as_silence },
      { "silence_goes_on_when_nothing_comes", silence_goes_on_when_nothing_comes },
      { "a_new_stream_resets", a_new_stream_resets },
      { "patience_follows_the_path", patience_follows_the_path },
      { "what_is_no_audio_is_refused", what_is_no_audio_is_refused },
      { "a_storm_keeps_time", a_storm_keeps_time })
