#include "rtc/demux.h"

#include "base/test.h"

static void by_first_octet(void)
{
	static const struct {
		uint8_t first, second;
		enum demux_kind want;
	} rows[] = {
		{ 0, 1, DEMUX_STUN },      { 3, 0, DEMUX_STUN },      { 4, 0, DEMUX_OTHER },
		{ 19, 0, DEMUX_OTHER },    { 20, 0, DEMUX_DTLS },     { 63, 0, DEMUX_DTLS },
		{ 64, 0, DEMUX_OTHER },    { 127, 0, DEMUX_OTHER },   { 128, 111, DEMUX_RTP },
		{ 144, 239, DEMUX_RTP },   { 191, 191, DEMUX_RTP },   { 128, 192, DEMUX_RTCP },
		{ 129, 201, DEMUX_RTCP },  { 129, 223, DEMUX_RTCP },  { 129, 224, DEMUX_RTP },
		{ 192, 0, DEMUX_OTHER },   { 255, 255, DEMUX_OTHER },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t d[2] = { rows[i].first, rows[i].second };

		CHECK_EQ(demux_kind(bytes_of(d, 2)), rows[i].want);
	}
	CHECK_EQ(demux_kind((struct bytes){ 0 }), DEMUX_OTHER);
	CHECK_EQ(demux_kind(bytes_of("\x80", 1)), DEMUX_OTHER);
}

static void whose_it_is(void)
{
	static const char request[] = "\x00\x01\x00\x0c\x21\x12\xa4\x42tidtidtidtid"
				      "\x00\x06\x00\x06"
				      "ab:cde\0";
	static const char response[] = "\x01\x01\x00\x0c\x21\x12\xa4\x42tidtidtidtid"
				       "\x00\x06\x00\x06"
				       "ab:cde\0";

	CHECK(bytes_is(demux_ufrag(bytes_of(request, 32)), "ab"));
	CHECK(!demux_ufrag(bytes_of(response, 32)).p);
	CHECK(!demux_ufrag(bytes_of(request, 31)).p);
	CHECK(!demux_ufrag((struct bytes){ 0 }).p);
}

TESTS({ "by_first_octet", by_first_octet }, { "whose_it_is", whose_it_is })
