/* MODELS is test/models: what its expect.py wrote down from Hugging Face's own program. */
#include "knowledge/tokenizer.h"

#include <errno.h>

#include "base/json.h"
#include "base/test.h"

static int read_whole(const char *path, struct buf *to)
{
	char part[4096];
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return -1;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_put(to, part, n);
	fclose(f);
	return to->failed ? -1 : 0;
}

static struct tokenizer *open_tokenizer(const char *name)
{
	AUTO(buf) struct buf text = { 0 };
	struct tokenizer *t = NULL;
	char path[512], why[TOKENIZER_WHY] = "";

	snprintf(path, sizeof(path), "%s/%s/tokenizer.json", MODELS, name);
	if (read_whole(path, &text) != 0 || tokenizer_new(&t, buf_bytes(&text), why) != 0) {
		if (!mem_failed())
			fprintf(stderr, "%s: %s\n", path, why);
		return NULL;
	}
	return t;
}

/* One line of expected.tsv: model, text as JSON, numbers. */
static bool as_expected(const struct tokenizer *t, char *line)
{
	AUTO(token_ids) struct token_ids ids = { 0 };
	AUTO(buf) struct buf wrapped = { 0 }, got = { 0 };
	char *text = strchr(line, '\t') + 1, *numbers = strchr(text, '\t'), why[160];

	*numbers++ = 0;
	buf_printf(&wrapped, "{\"t\":%s}", text);
	AUTO(json) json_t *o = json_parse(buf_bytes(&wrapped), why);
	if (!o || tokenizer_encode(t, bytes_str(json_str(o, "t", "")), 4096, &ids) != 0)
		return false;
	buf_puts(&got, "");
	for (size_t i = 0; i < ids.n; i++)
		buf_printf(&got, "%s%u", i ? " " : "", ids.id[i]);
	bool same = !got.failed && strcmp(got.p ? (char *)got.p : "", numbers) == 0;
	if (!same && !mem_failed())
		fprintf(stderr, "%s\n  is   %s\n  not  %s\n", line, (char *)got.p, numbers);
	return same;
}

static void check_model(const char *name)
{
	AUTO(tokenizer) struct tokenizer *t = open_tokenizer(name);
	AUTO(buf) struct buf all = { 0 };
	size_t n = 0, bad = 0;

	CHECK(t);
	CHECK_EQ(read_whole(MODELS "/expected.tsv", &all), 0);
	for (char *line = (char *)all.p, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		n++;
		bad += !as_expected(t, line);
	}
	CHECK(n >= 25);
	CHECK_EQ(bad, 0);
}

static void wordpiece(void)
{
	check_model("wordpiece");
}

static void unigram(void)
{
	check_model("unigram");
}

static void bpe(void)
{
	check_model("bpe");
}

static void refuses_what_it_cannot_follow(void)
{
	static const struct {
		const char *json, *why;
	} cases[] = {
		{ "", "JSON" },
		{ "[]", "JSON" },
		{ "{}", "no model" },
		{ "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0}}}", "WordLevel" },
		{ "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{}}}", "pieces" },
		{ "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":-1}}}", "numbers" },
		{ "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[1,2]]}}", "pieces" },
		{ "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}", "merges" },
		{ "{\"normalizer\":{\"type\":\"Odd\"},\"model\":{\"vocab\":{\"a\":0}}}", "Odd" },
		{ "{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"[a-z]\"}},\"model\":{\"vocab\":{\"a\":0}}}",
		  "[a-z]" },
		{ "{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"x+\"},\"behavior\":\"Isolated\"},"
		  "\"model\":{\"vocab\":{\"a\":0}}}",
		  "x+" },
		{ "{\"model\":{\"vocab\":{\"a\":0}},\"added_tokens\":[{\"content\":\"\",\"id\":1}]}", "added" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tokenizer *t = NULL;
		char why[TOKENIZER_WHY] = "";
		int r = tokenizer_new(&t, bytes_str(cases[i].json), why);

		tokenizer_free(r == 0 ? t : NULL);
		CHECK_EQ(r, -EBADMSG);
		CHECK(strstr(why, cases[i].why));
	}
}

static void any_octets_and_a_limit(void)
{
	AUTO(tokenizer) struct tokenizer *t = open_tokenizer("wordpiece");
	AUTO(token_ids) struct token_ids ids = { 0 };
	static const uint8_t odd[] = { 'b', 'o', 'a', 't', 0, 0xff, ' ', 0xe2, 0x96, 'x', 0 };

	CHECK(t);
	CHECK_EQ(tokenizer_encode(t, bytes_of(odd, sizeof(odd)), 100, &ids), 0);
	CHECK(ids.n >= 2);
	ids.n = 0;
	CHECK_EQ(tokenizer_encode(t, bytes_str("the boat and the harbour"), 3, &ids), 0);
	CHECK_EQ(ids.n, 3);
	CHECK(tokenizer_size(t) > 100 && tokenizer_unknown(t) == 1);
}

TESTS({ "wordpiece", wordpiece }, { "unigram", unigram }, { "bpe", bpe },
      { "refuses_what_it_cannot_follow", refuses_what_it_cannot_follow },
      { "any_octets_and_a_limit", any_octets_and_a_limit })
