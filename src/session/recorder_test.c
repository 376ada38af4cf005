#include "session/recorder.h"

#include "base/test.h"

static void numbers_come_back(void)
{
	static const uint64_t values[] = { 0, 1, 127, 128, 300, 1u << 31, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		uint8_t text[10];
		size_t n = rec_number(text, values[i]);
		struct bytes b = bytes_of(text, n);
		uint64_t back = 1;

		CHECK_EQ(rec_take_number(&b, &back), n);
		CHECK(back == values[i]);
		CHECK_EQ(b.n, 0);
		struct bytes cut = bytes_of(text, n - 1);
		CHECK_EQ(rec_take_number(&cut, &back), 0);
	}
}

static void records_come_back(void)
{
	AUTO(buf) struct buf text = { 0 };
	struct rec_writer w = { .to = &text };
	struct recorder r = { &rec_writer_ops, &w };

	recorder_put(&r, REC_PARAMS, 1000000, bytes_str("{}"));
	recorder_put(&r, REC_TIME, 1000200, (struct bytes){ 0 });
	recorder_put(&r, REC_RAND, 1000200, bytes_str("abc"));
	CHECK(!text.failed);

	struct rec_reader in = { .rest = buf_bytes(&text) };
	struct rec rec;
	CHECK_EQ(rec_read(&in, &rec), REC_OK);
	CHECK(rec.kind == REC_PARAMS && rec.now_us == 1000000 && bytes_is(rec.body, "{}"));
	CHECK_EQ(rec_read(&in, &rec), REC_OK);
	CHECK(rec.kind == REC_TIME && rec.now_us == 1000200 && rec.body.n == 0);
	CHECK_EQ(rec_read(&in, &rec), REC_OK);
	CHECK(rec.kind == REC_RAND && bytes_is(rec.body, "abc"));
	CHECK_EQ(rec_read(&in, &rec), REC_END);
}

static void refuses_other_octets(void)
{
	static const char *const bad[] = { "",          "VREC",       "VREC\2",
					   "RIFF\1abc", "VREC\1\377", "VREC\1\1\1\5ab" };
	struct rec rec;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct rec_reader in = { .rest = bytes_str(bad[i]) };
		CHECK_EQ(rec_read(&in, &rec), REC_MALFORMED);
	}
}

TESTS({ "numbers_come_back", numbers_come_back }, { "records_come_back", records_come_back },
      { "refuses_other_octets", refuses_other_octets })
