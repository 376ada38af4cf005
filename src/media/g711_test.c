#include "media/g711.h"
#include "base/test.h"

static int decode1(enum g711_law law, uint8_t c)
{
	int16_t v;

	g711_decode(law, &c, 1, &v);
	return v;
}

static uint8_t encode1(enum g711_law law, int v)
{
	int16_t in = (int16_t)v;
	uint8_t c;

	g711_encode(law, &in, 1, &c);
	return c;
}

/* Quantized values of G.711, tables 1a and 2a: decoder outputs at the segment ends. */
static void decodes_the_tables_of_the_recommendation(void)
{
	static const struct {
		uint8_t c;
		int value; /* 14 bit for µ-law (8031 … 0), 13 bit for A-law (4032 … 1) */
	} u[] = { { 0x80, 8031 }, { 0x8f, 4191 }, { 0x9f, 2079 }, { 0xaf, 1023 }, { 0xbf, 495 },
		  { 0xcf, 231 },  { 0xdf, 99 },   { 0xef, 33 },   { 0xfe, 2 },	  { 0xff, 0 },
		  { 0x00, -8031 }, { 0x7e, -2 },  { 0x7f, 0 } },
	  a[] = { { 0xaa, 4032 }, { 0xa5, 2112 }, { 0xb5, 1056 }, { 0x85, 528 }, { 0x95, 264 },
		  { 0xe5, 132 }, { 0xf5, 66 }, { 0xd5, 1 }, { 0x2a, -4032 }, { 0x55, -1 } };

	for (size_t i = 0; i < ARRAY_LEN(u); i++)
		CHECK_EQ(decode1(G711_ULAW, u[i].c), u[i].value * 4);
	for (size_t i = 0; i < ARRAY_LEN(a); i++)
		CHECK_EQ(decode1(G711_ALAW, a[i].c), a[i].value * 8);
}

static void every_code_survives_a_round_trip(void)
{
	for (int c = 0; c < 256; c++) {
		uint8_t u = encode1(G711_ULAW, decode1(G711_ULAW, (uint8_t)c));

		CHECK_EQ(u, c == 0x7f ? 0xff : c); /* µ-law has two noughts */
		CHECK_EQ(encode1(G711_ALAW, decode1(G711_ALAW, (uint8_t)c)), c);
	}
}

/* "Decision values": the error is never more than half the step of the segment, and the
 * codes rise with the values. */
static void quantises_to_the_nearest(void)
{
	int last_u = INT32_MIN, last_a = INT32_MIN;

	for (int v = -32768; v <= 32767; v++) {
		int u = decode1(G711_ULAW, encode1(G711_ULAW, v));
		int a = decode1(G711_ALAW, encode1(G711_ALAW, v));
		int m = abs(v);

		CHECK(u >= last_u && a >= last_a);
		last_u = u, last_a = a;
		CHECK(m > 32635 || abs(u - v) <= (m + 132) / 32 + 4);
		CHECK(abs(a - v) <= m / 32 + 8);
	}
}

static void silence(void)
{
	CHECK_EQ(encode1(G711_ULAW, 0), G711_ULAW_SILENCE);
	CHECK_EQ(encode1(G711_ALAW, 0), G711_ALAW_SILENCE);
}

TESTS({ "decodes_the_tables_of_the_recommendation", decodes_the_tables_of_the_recommendation },
      { "every_code_survives_a_round_trip", every_code_survives_a_round_trip },
      { "quantises_to_the_nearest", quantises_to_the_nearest }, { "silence", silence })
