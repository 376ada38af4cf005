#include "base/b64.h"
#include "base/test.h"

static void rfc4648_vectors(void)
{
	static const char *const rows[][2] = {
		{ "", "" },             { "f", "Zg==" },         { "fo", "Zm8=" },
		{ "foo", "Zm9v" },      { "foob", "Zm9vYg==" },  { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };
		uint8_t back[16];

		b64_append(&b, rows[i][0], strlen(rows[i][0]));
		CHECK(bytes_is(buf_bytes(&b), rows[i][1]) || (b.n == 0 && !b.failed));
		CHECK(!b.failed);
		CHECK_EQ(b64_decode(rows[i][1], strlen(rows[i][1]), back), strlen(rows[i][0]));
		CHECK(memcmp(back, rows[i][0], strlen(rows[i][0])) == 0);
	}
}

static void refuses_what_is_not_base64(void)
{
	static const char *const bad[] = { "Z",    "Zg",   "Zg=",  "Zg===", "Z===",     "====",
					   "Zh==", "Zm9=", "Zm9-", "Zm 8",  "Zg==Zg==", "Zm9v\n" };
	uint8_t to[16];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_EQ(b64_decode(bad[i], strlen(bad[i]), to), -1);
}

TESTS({ "rfc4648_vectors", rfc4648_vectors },
      { "refuses_what_is_not_base64", refuses_what_is_not_base64 })
