#include "engine/answer.h"

#include "base/test.h"

#define LEAVE                                                                                      \
	"Every full-time member of staff has twenty-seven days of annual leave in a year. "        \
	"The leave year begins on the first of April. It ends on the last day of March."
#define BOAT                                                                                       \
	"The **Mirrawick** may carry at most ten people. The harbour master is Isobel Grant. "     \
	"Nobody may stand on the bow while the boat is moving."

static json_t *results(void)
{
	return json_pack("{s:[{s:i,s:s,s:s,s:n,s:s,s:i,s:i,s:s},{s:i,s:s,s:s,s:i,s:n,s:i,s:i,s:s}]}",
			 "results", "document", 4, "file", "staff-handbook.md", "title",
			 "Staff Handbook of the Quillmere Observatory", "page", "heading",
			 "Annual leave", "start", 1000, "end", 1200, "text", LEAVE, "document", 5,
			 "file", "boat-safety.pdf", "title", "boat-safety.pdf", "page", 3, "heading",
			 "start", 0, "end", 170, "text", BOAT);
}

static const struct {
	const char *question, *text, *where;
} rows[] = {
	{ "How many days of annual leave are there?",
	  "Every full-time member of staff has twenty-seven days of annual leave in a year.",
	  "From Staff Handbook, under \"Annual leave\"." },
	{ "when does the leave year begin", "The leave year begins on the first of April.",
	  "From Staff Handbook, under \"Annual leave\"." },
	{ "who is the harbour master", "The harbour master is Isobel Grant.",
	  "That is in boat safety, page 3." },
	{ "how many people may the mirrawick carry", "The Mirrawick may carry at most ten people.",
	  "That is in boat safety, page 3." },
	/* A pronoun brings the sentence before. */
	{ "when does the leave year end, on which day of march",
	  "The leave year begins on the first of April. It ends on the last day of March.",
	  "From Staff Handbook, under \"Annual leave\"." },
	{ "what is the capital of France", NULL, NULL },
	{ "who is the president of the people", NULL, NULL },
	{ "what is that", NULL, NULL },
	/* Another attribute of what the documents know, or of something else. */
	{ "how heavy is the mirrawick", NULL, NULL },
	{ "how much does the mirrawick cost", NULL, NULL },
	{ "who built the mirrawick", NULL, NULL },
	{ "what colour is the mirrawick", NULL, NULL },
	{ "how old is Isobel Grant", NULL, NULL },
	{ "how many engines does the mirrawick have", NULL, NULL },
	{ "how many days may the mirrawick carry", NULL, NULL },
	{ "which bank holds the leave", NULL, NULL },
	{ "who was the first harbour master", NULL, NULL },
};

static void quotes_what_answers(void)
{
	AUTO(json) json_t *found = results();

	CHECK(found);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(answer) struct answer a = { 0 };

		CHECK_EQ(answer_find(&a, rows[i].question, ANSWER_TYPED, found), 0);
		CHECK_EQ(a.n_parts, rows[i].text ? 1 : 0);
		if (!rows[i].text)
			continue;
		CHECK_STR(a.parts[0].text, rows[i].text);
		CHECK_STR(a.parts[0].whereabouts, rows[i].where);
	}
}

static void cites_the_exact_range(void)
{
	AUTO(json) json_t *found = results();
	AUTO(answer) struct answer a = { 0 };

	CHECK(found);
	CHECK_EQ(answer_find(&a, "when does the leave year begin", ANSWER_TYPED, found), 0);
	CHECK_EQ(a.n_parts, 1);
	const json_t *s = a.parts[0].source;
	const char *quote = json_str(s, "quote", "");
	CHECK_STR(quote, "The leave year begins on the first of April.");
	CHECK_EQ(json_int(s, "start", 0), 1000 + (strstr(LEAVE, quote) - LEAVE));
	CHECK_EQ(json_int(s, "end", 0) - json_int(s, "start", 0), strlen(quote));
	CHECK_EQ(json_int(s, "document", 0), 4);
	CHECK_STR(json_str(s, "heading", ""), "Annual leave");
}

static void follow_up_questions_borrow(void)
{
	AUTO(mem) char *a = answer_query("and on weekends?", "When is the library open?");
	AUTO(mem) char *b = answer_query("who feeds the station cat", "When is the library open?");
	AUTO(mem) char *c = answer_query("What is a fennibar used for?", "Who is the emperor of Japan?");
	AUTO(mem) char *d = answer_query("what is the price?", "When is the library open?");
	AUTO(mem) char *e = answer_query("how many people may it carry", "How long is the boat?");
	AUTO(mem) char *f = answer_query("and who built it?", "What is the price of the boat?");

	CHECK(a && b && c && d && e && f);
	CHECK_STR(e, "how many people may it carry boat");
	CHECK_STR(f, "and who built it? boat");
	CHECK_STR(a, "and on weekends? library open");
	CHECK_STR(b, "who feeds the station cat");
	CHECK_STR(c, "What is a fennibar used for?");
	CHECK_STR(d, "what is the price? library open");
}

static void takes_any_results(void)
{
	static const char *const odd[] = {
		"null", "[]", "{}", "{\"results\":[]}", "{\"results\":[1,{}]}",
		"{\"results\":[{\"text\":\"\"},{\"text\":\"Leave days.\"}]}",
		"{\"results\":{\"text\":\"days\"},\"error\":\"gone\"}",
		"{\"results\":[{\"text\":\"many days of leave:\",\"title\":7,\"page\":\"x\"}]}",
	};

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		char why[160];
		AUTO(json) json_t *r = json_parse(bytes_str(odd[i]), why);
		AUTO(answer) struct answer a = { 0 };

		CHECK(r || mem_failed() || i == 0);
		CHECK_EQ(answer_find(&a, "how many days of leave", ANSWER_TYPED, r), 0);
	}
}

TESTS({ "quotes_what_answers", quotes_what_answers },
      { "cites_the_exact_range", cites_the_exact_range },
      { "follow_up_questions_borrow", follow_up_questions_borrow },
      { "takes_any_results", takes_any_results })
