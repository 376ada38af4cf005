#include <time.h>

#include "base/test.h"
#include "engine/ground.h"

static const char passages[] =
	"{\"results\":["
	"{\"document\":1,\"file\":\"telescopes.md\",\"title\":\"Telescopes and Observing\",\"heading\":\"The Lindrake telescope\","
	"\"start\":1000,\"end\":1300,\"text\":\"The Lindrake telescope is the largest instrument on the hill. Its mirror is one "
	"hundred and twenty centimetres wide. It was built by Anders Holm in 1974. The dome must be closed when the wind is "
	"faster than fifty kilometres per hour.\"},"
	"{\"document\":2,\"file\":\"handbook.md\",\"title\":\"Staff Handbook\",\"page\":7,\"heading\":\"Annual leave\","
	"\"start\":50,\"end\":400,\"text\":\"Each employee receives twenty-seven days of annual leave per year. Up to five days "
	"may be carried over to the next year. Leave is requested from the head of the department, in writing, two weeks "
	"before. Dogs are not allowed in the offices.\"},"
	"{\"document\":3,\"file\":\"prices.md\",\"title\":\"Prices\",\"heading\":\"Tickets\",\"start\":0,\"end\":90,"
	"\"text\":\"A ticket for adults costs 12.50 euros. Children under 6 years enter free of charge.\"}]}";

static struct ground *make(void)
{
	struct ground *g = NULL;
	char why[160];
	AUTO(json) json_t *v = json_parse(bytes_str(passages), why);

	if (!v || ground_new(&g) != 0)
		return NULL;
	if (ground_add(g, v) != 0) {
		ground_free(g);
		return NULL;
	}
	return g;
}

/* Sentences, and how the quote begins that they rest on; NULL: on nothing. */
static const struct {
	const char *sentence, *quote;
} cases[] = {
	/* as they stand */
	{ "Its mirror is one hundred and twenty centimetres wide.", "Its mirror" },
	{ "Up to five days may be carried over to the next year.", "Up to five" },
	/* in other words, with figures for words and words for figures */
	{ "The mirror of the Lindrake telescope measures 120 centimetres.", "Its mirror" },
	{ "You get 27 days of leave a year.", "Each employee" },
	{ "You are entitled to twenty-seven days of annual leave per year.", "Each employee" },
	{ "You may carry five days over into the next year.", "Up to five" },
	{ "Adult tickets cost twelve and a half, that is 12.50 euros.", NULL }, /* 12 does not stand there */
	{ "An adult ticket costs 12.50 euros.", "A ticket" },
	{ "The price of a ticket for adults is 12.50 euros.", "A ticket" },
	{ "Children under six enter for free.", "Children" },
	{ "Above a wind of 50 kilometres per hour the dome has to be closed.", "The dome" },
	{ "It was built in 1974 by Anders Holm.", "It was built" },
	{ "Dogs are not allowed in the offices.", "Dogs" },
	{ "The request for leave goes to the head of your department, in writing.", "Leave is" },
	/* two sentences in one */
	{ "You have 27 days of annual leave per year, of which five may be carried over to the next year.", "Each employee" },
	/* what does not stand there */
	{ "The mirror of the Lindrake telescope is 150 centimetres wide.", NULL },
	{ "The mirror of the Mirrawick telescope is 120 centimetres wide.", NULL },
	{ "It was built by Anders Holm in 1975.", NULL },
	{ "You get 28 days of annual leave per year.", NULL },
	{ "The Lindrake telescope was built by Maria Soto.", NULL },
	{ "Cats are allowed in the kitchen.", NULL },
	{ "A ticket for children costs 12.50 dollars in Berlin.", NULL },
	{ "Is there anything else that you would like to know?", NULL },
	{ "I am happy to help you.", NULL },
	{ "I found nothing about that.", NULL },
	{ "Yes.", NULL },
	{ "", NULL },
	{ "...", NULL },
};

static void a_sentence_rests_on_what_says_it(void)
{
	json_init();
	AUTO(ground) struct ground *g = make();
	size_t bad = 0;

	CHECK(g);
	CHECK_EQ(ground_rows(g), 3);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool no_memory;
		AUTO(json) json_t *s = ground_find(g, bytes_str(cases[i].sentence), &no_memory);
		const char *quote = s ? json_str(s, "quote", "") : NULL;

		CHECK(!no_memory);
		if (mem_failed())
			return;
		if (!quote != !cases[i].quote || (quote && strncmp(quote, cases[i].quote, strlen(cases[i].quote)) != 0)) {
			fprintf(stderr, "%s\n   rests on: %s\n   expected: %s\n", cases[i].sentence,
				quote ? quote : "nothing", cases[i].quote ? cases[i].quote : "nothing");
			bad++;
		}
	}
	CHECK_EQ(bad, 0);
}

static void the_range_is_the_documents(void)
{
	json_init();
	AUTO(ground) struct ground *g = make();
	bool no_memory;

	CHECK(g);
	AUTO(json) json_t *s = ground_find(g, bytes_str("Its mirror is 120 centimetres wide."), &no_memory);
	CHECK(s);
	CHECK_STR(json_str(s, "quote", ""), "Its mirror is one hundred and twenty centimetres wide.");
	CHECK_EQ(json_int(s, "document", 0), 1);
	CHECK_EQ(json_int(s, "start", 0), 1000 + 62);
	CHECK_EQ(json_int(s, "end", 0), 1000 + 62 + 54);
	CHECK_STR(json_str(s, "title", ""), "Telescopes and Observing");
	CHECK_STR(json_str(s, "heading", ""), "The Lindrake telescope");
	AUTO(json) json_t *p = ground_find(g, bytes_str("Up to five days may be carried over."), &no_memory);
	CHECK(p);
	CHECK_EQ(json_int(p, "page", 0), 7);
}

static void the_same_passage_counts_once(void)
{
	json_init();
	AUTO(ground) struct ground *g = make();
	char why[160];

	CHECK(g);
	AUTO(json) json_t *v = json_parse(bytes_str(passages), why);
	CHECK(v);
	CHECK_EQ(ground_add(g, v), 0);
	CHECK_EQ(ground_rows(g), 3);
}

/* Whatever search gives, or is said to have given. */
static void odd_results_are_no_harm(void)
{
	static const char *const odd[] = {
		"{}", "[]", "7", "{\"results\":7}", "{\"results\":[7,null,{}]}", "{\"error\":\"x\"}",
		"{\"results\":[{\"text\":\"\"},{\"text\":\"\xc3\xa9\"}]}",
		"{\"results\":[{\"text\":7,\"start\":\"x\"}]}",
		"{\"results\":[{\"text\":\"hundred hundred thousand million million and and 9 9 9\"}]}",
	};

	json_init();
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		struct ground *made = NULL;
		bool no_memory;
		char why[160];
		AUTO(json) json_t *v = json_parse(bytes_str(odd[i]), why);

		CHECK_EQ(ground_new(&made), 0);
		AUTO(ground) struct ground *g = made;
		if (v)
			CHECK_EQ(ground_add(g, v), 0);
		AUTO(json) json_t *s = ground_find(g, bytes_str("One hundred million and 9 hundred hundred."), &no_memory);
		CHECK(!s || i == 8);
	}
}

static void it_is_quick(void)
{
	json_init();
	AUTO(ground) struct ground *g = make();
	struct timespec a, b;
	bool no_memory;

	CHECK(g);
	int n = getenv("VOICED_TEST_OOM") ? 1 : 200;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < n; i++)
		json_decref(ground_find(g, bytes_str("You have 27 days of annual leave per year, of which five may be carried over."), &no_memory));
	clock_gettime(CLOCK_MONOTONIC, &b);
	double us = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 1000 / n;
	if (getenv("VOICED_TEST_TELL"))
		fprintf(stderr, "%.1f us a sentence\n", us);
	CHECK(us < 5000); /* far off: the machine may be busy */
}

TESTS({ "a_sentence_rests_on_what_says_it", a_sentence_rests_on_what_says_it },
      { "the_range_is_the_documents", the_range_is_the_documents },
      { "the_same_passage_counts_once", the_same_passage_counts_once },
      { "odd_results_are_no_harm", odd_results_are_no_harm },
      { "it_is_quick", it_is_quick })
