#include "engine/question.h"

#include "base/test.h"

/* Terms in order, "!" before a key. */
static const struct {
	const char *text;
	enum shape shape;
	const char *terms;
} rows[] = {
	{ "How heavy is the boat?", SHAPE_MASS, "boat" },
	{ "and how much does the boat weigh", SHAPE_MASS, "boat" },
	{ "How much does lunch cost?", SHAPE_MONEY, "lunch" },
	{ "What is the price of lunch?", SHAPE_MONEY, "lunch" },
	{ "how wide is the mirror", SHAPE_LENGTH, "mirror" },
	{ "How many tanks are there", SHAPE_COUNT, "tank" },
	{ "Which hotel can I use when I miss the ferry", SHAPE_ANY, "hotel miss ferri" },
	{ "In which city was it ground?", SHAPE_CITY, "ground" },
	{ "Who built the pier?", SHAPE_PERSON, "!built pier" },
	{ "Who is the head of astronomy?", SHAPE_NAME, "!head astronomi" },
	{ "what's the capital of the island", SHAPE_ANY, "!capit island" },
	{ "When did Helen die?", SHAPE_DATE, "helen !die" },
	{ "when is the ferry", SHAPE_TIME, "ferri" },
	{ "What is the email address of Joan?", SHAPE_ADDRESS, "email !address joan" },
	{ "Who was the first director", SHAPE_NAME, "!first !director" },
	{ "how loud is the horn", SHAPE_NUMBER, "!loud horn" },
	{ "", SHAPE_ANY, "" },
};

static void reads_what_is_asked(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct question q;
		AUTO(buf) struct buf b = { 0 };

		question_make(&q, rows[i].text, NULL);
		buf_puts(&b, "");
		for (size_t t = 0; t < q.n_terms; t++)
			buf_printf(&b, "%s%s%s", t ? " " : "", q.terms[t].key ? "!" : "", q.terms[t].s);
		CHECK(!b.failed);
		CHECK_STR(b.p ? (const char *)b.p : "", rows[i].terms);
		CHECK_EQ(q.shape, rows[i].shape);
	}
}

static double meets(const struct question *q, const char *term)
{
	struct word w = { .n = strlen(term) };

	memcpy(w.s, term, w.n + 1);
	return question_meets(q, 0, &w);
}

static void takes_the_indexes_word(void)
{
	static const char text[] = "[{\"start\":4,\"end\":9,\"weight\":5.5,\"known\":false,"
				   "\"like\":[[\"stair\",0.6],[7],\"x\"]},3]";
	char why[160];
	AUTO(json) json_t *words = json_parse(bytes_str(text), why);
	struct question q;

	CHECK(words);
	question_make(&q, "the stare", words);
	CHECK_EQ(q.n_terms, 1);
	CHECK(q.terms[0].weight > 5.4 && !q.terms[0].known);
	CHECK(meets(&q, "stare") > 0.9);
	CHECK(meets(&q, "stair") > 0.5 && meets(&q, "stair") < 0.7);
	CHECK(meets(&q, "boat") <= 0);
}

TESTS({ "reads_what_is_asked", reads_what_is_asked },
      { "takes_the_indexes_word", takes_the_indexes_word })
