#include "engine/clause.h"

#include "base/test.h"

/* Feeds `text` in pieces of `step` octets; joins what comes out with '|'. */
static void cut(struct buf *out, const char *text, size_t step)
{
	AUTO(clause) struct clause c = { 0 };
	char piece[64];
	const char *s;

	for (size_t at = 0, n = strlen(text); at < n; at += step) {
		size_t len = MIN(step, n - at);

		memcpy(piece, text + at, len);
		piece[len] = '\0';
		clause_push(&c, piece);
		while ((s = clause_next(&c, CLAUSE_MORE)))
			buf_printf(out, "%s|", s);
	}
	while ((s = clause_next(&c, CLAUSE_END)))
		buf_printf(out, "%s|", s);
	if (c.text.failed)
		out->failed = true;
}

static const char *const rows[][2] = {
	{ "", "" },
	{ "   ", "" },
	{ "Yes.", "Yes.|" },
	{ "Sure, it is open, and warm. It closes at nine.",
	  "Sure, it is open,|and warm.|It closes at nine.|" },
	{ "It opens at 9.30 a.m. every day. Ask Dr. Lee or J. Smith, e.g. by mail. Bye!",
	  "It opens at 9.30 a.m. every day.|Ask Dr. Lee or J. Smith, e.g. by mail.|Bye!|" },
	{ "The observatory keeps its largest telescope under cover until the wind has gone. Really?",
	  "The observatory keeps its largest telescope under cover|until the wind has gone.|Really?|" },
	{ "He said \"stop.\" Then he left. (It was late.) Good.",
	  "He said \"stop.\"|Then he left.|(It was late.)|Good.|" },
	{ "A heading\n\nThen text.", "A heading|Then text.|" },
	{ "Wait \xe2\x80\x94 one moment \xe2\x80\x94 please now.",
	  "Wait \xe2\x80\x94|one moment \xe2\x80\x94 please now.|" },
	{ "It is version 2.5. see more", "It is version 2.5. see more|" },
};

static void cuts_alike_however_it_arrives(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t step = 1; step < 40; step += 6) {
			AUTO(buf) struct buf out = { 0 };

			cut(&out, rows[i][0], step);
			CHECK(!out.failed);
			CHECK_STR(out.p ? (const char *)out.p : "", rows[i][1]);
		}
}

static void cuts_long_sentences(void)
{
	AUTO(buf) struct buf in = { 0 }, out = { 0 };

	for (int i = 0; i < 60; i++)
		buf_puts(&in, i % 10 == 9 ? "word, " : "word ");
	CHECK(!in.failed);
	cut(&out, (const char *)in.p, 50);
	CHECK(!out.failed);
	size_t bars = 0;
	for (size_t i = 0; i < out.n; i++)
		bars += out.p[i] == '|';
	CHECK_EQ(bars, 3);
}

/* A model writes in pieces of words. Behind a plain word a stop is the end of the sentence as soon as it is there. */
static void a_sentence_is_ready_with_its_last_token(void)
{
	static const struct {
		const char *text, *ready;
	} at_once[] = {
		{ "The cat is called Biscuit.", "The cat is called Biscuit." },
		{ "Is it so?", "Is it so?" },
		{ "It opens at 5 p.m.", NULL },
		{ "Ask Dr.", NULL },
		{ "It costs 3.", NULL },
		{ "It is in staff-handbook.", NULL },
		{ "(It was late.", NULL },
		{ "He said \"Stop.", NULL },
		{ "Yes.", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(at_once); i++) {
		AUTO(clause) struct clause c = { 0 };

		clause_push(&c, at_once[i].text);
		CHECK(!c.text.failed);
		const char *text = clause_next(&c, CLAUSE_MORE);
		CHECK_STR(text ? text : "", at_once[i].ready ? at_once[i].ready : "");
	}
}

TESTS({ "a_sentence_is_ready_with_its_last_token", a_sentence_is_ready_with_its_last_token },
      { "cuts_alike_however_it_arrives", cuts_alike_however_it_arrives },
      { "cuts_long_sentences", cuts_long_sentences })
