#include "base/json.h"
#include "base/test.h"

static void reads_and_writes(void)
{
	char why[160];
	json_init();
	AUTO(json) json_t *v = json_parse(bytes_str("{\"a\":1,\"b\":\"x\\u00e9\",\"c\":true}"), why);
	CHECK(v);
	CHECK_EQ(json_int(v, "a", 0), 1);
	CHECK_STR(json_str(v, "b", ""), "x\xc3\xa9");
	CHECK(json_flag(v, "c", false));
	CHECK_STR(json_str(v, "a", "none"), "none");
	AUTO(buf) struct buf b = { 0 };
	json_write(&b, v);
	CHECK(!b.failed && bytes_is(buf_bytes(&b), "{\"a\":1,\"b\":\"x\xc3\xa9\",\"c\":true}"));
}

static void refuses_depth_and_rubbish(void)
{
	char deep[200], why[160];
	json_init();
	memset(deep, '[', sizeof(deep));
	CHECK(!json_parse(bytes_of(deep, sizeof(deep)), why));
	CHECK_STR(why, "nested deeper than 64 levels");
	CHECK(!json_parse(bytes_str("{\"a\":"), why));
	CHECK(!json_parse(bytes_str("\"\xff\""), why));
	CHECK(!json_parse(bytes_str("1 2"), why));
	CHECK(!json_parse(bytes_str(""), why));
}

static void quotes(void)
{
	AUTO(buf) struct buf b = { 0 };
	json_quote(&b, bytes_str("a\"b\\c\n\x01z"));
	CHECK(!b.failed);
	CHECK(bytes_is(buf_bytes(&b), "\"a\\\"b\\\\c\\u000a\\u0001z\""));
}

TESTS({ "reads_and_writes", reads_and_writes },
      { "refuses_depth_and_rubbish", refuses_depth_and_rubbish }, { "quotes", quotes })
