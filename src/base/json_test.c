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

static void finds_a_word(void)
{
	char why[160];
	json_init();
	AUTO(json) json_t *v = json_parse(bytes_str("[1,\"text\",null,\"audio\"]"), why);
	CHECK(v);
	CHECK(json_has_word(v, "audio") && json_has_word(v, "text"));
	CHECK(!json_has_word(v, "aud") && !json_has_word(v, "") && !json_has_word(NULL, "text"));
	CHECK(!json_has_word(json_array_get(v, 1), "text"));
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
	CHECK(!json_parse(bytes_str("\"a\\u0000\""), why));
	CHECK_STR(why, "the character U+0000 is not accepted");
}

static void quotes(void)
{
	AUTO(buf) struct buf b = { 0 };
	json_quote(&b, bytes_str("a\"b\\c\n\x01z"));
	CHECK(!b.failed);
	CHECK(bytes_is(buf_bytes(&b), "\"a\\\"b\\\\c\\u000a\\u0001z\""));
}

/* --- the table of test/badinput ------------------------------------------------------------ */

/* "22 78*20000 22" or "-". false: no memory. */
static bool put_octets(struct buf *to, char *words)
{
	char *save = NULL;

	if (strcmp(words, "-") == 0)
		return true;
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		const char *star = strchr(w, '*');
		size_t n = star ? (size_t)(star - w) : strlen(w);
		unsigned long times = star ? strtoul(star + 1, NULL, 10) : 1;

		while (times-- > 0)
			for (size_t i = 0; i + 1 < n; i += 2) {
				const char pair[] = { w[i], w[i + 1], 0 };

				buf_putc(to, (char)strtoul(pair, NULL, 16));
			}
	}
	return !to->failed;
}

/* One line: a name that begins with what must come of it, the octets, and those behind a text
 * that is right by itself. */
static void judge(char *line)
{
	char *save = NULL, why[160] = "";
	const char *name = strtok_r(line, "\t\n", &save);
	char *before = strtok_r(NULL, "\t\n", &save), *after = strtok_r(NULL, "\t\n", &save);
	AUTO(buf) struct buf text = { 0 };

	CHECK(name && before);
	CHECK(put_octets(&text, before));
	if (after) {
		buf_put(&text, "{}", 2);
		CHECK(put_octets(&text, after));
	}
	AUTO(json) json_t *v = json_parse(buf_bytes(&text), why);
	bool right = name[0] == 'i' || (name[0] == 'y') == (v != NULL);
	if (!right && !mem_failed())
		fprintf(stderr, "%s: %s\n", name, v ? "accepted" : why);
	CHECK(right);
	CHECK(v || why[0] || mem_failed());
	if (name[0] != 'y')
		return;
	/* What was understood can be written, and is understood again. */
	AUTO(buf) struct buf written = { 0 };
	json_write(&written, v);
	CHECK(!written.failed);
	AUTO(json) json_t *again = json_parse(buf_bytes(&written), why);
	CHECK(again);
}

/* With failing allocations a part of the table must do: it is gone through for each of them. */
static void judges_texts_as_rfc_8259(void)
{
	size_t step = getenv("VOICED_TEST_OOM") ? 23 : 1, n = 0, cap = 0;
	bool failed = false;
	char *line = NULL;
	FILE *f = fopen(JSON_CASES, "r");

	json_init();
	CHECK(f);
	while (getline(&line, &cap, f) > 0) {
		if (n++ % step != 0)
			continue;
		test_failed_ = false;
		judge(line);
		failed = failed || test_failed_;
	}
	free(line);
	fclose(f);
	test_failed_ = failed;
	CHECK(n > 300);
}

TESTS({ "reads_and_writes", reads_and_writes },
      { "refuses_depth_and_rubbish", refuses_depth_and_rubbish }, { "finds_a_word", finds_a_word },
      { "quotes", quotes },
      { "judges_texts_as_rfc_8259", judges_texts_as_rfc_8259 })
