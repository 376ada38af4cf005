#include "app/exam.h"

#include <errno.h>

#include "base/test.h"

static int read_text(struct exam *e, const char *text, char why[static EXAM_WHY])
{
	return exam_read(e, bytes_str(text), "q.tsv", why);
}

static void columns_in_any_order(void)
{
	AUTO(exam) struct exam e = { 0 };
	char why[EXAM_WHY];

	CHECK_EQ(read_text(&e,
			   "sources\tquestion\tnote\tid\r\n"
			   "\r\n"
			   "a.md#p=3 | b/c.md\t How far? \tx\tq1\r\n"
			   "-\tWho won?\r\n"
			   "\tspoken/one.wav",
			   why),
		 0);
	CHECK_EQ(e.n, 3);
	CHECK_STR(e.q[0].text, "How far?");
	CHECK_STR(e.q[0].id, "q1");
	CHECK_STR(e.q[0].answer, "");
	CHECK_EQ(e.q[0].line, 3);
	CHECK(!e.q[0].wav && exam_answerable(&e.q[0]));
	CHECK(!exam_answerable(&e.q[1]) && !exam_answerable(&e.q[2]));
	CHECK_STR(e.q[2].wav, "spoken/one.wav");
	CHECK(e.spoken);
}

static void a_recording_and_its_words(void)
{
	AUTO(exam) struct exam e = { 0 };
	char why[EXAM_WHY];

	CHECK_EQ(read_text(&e,
			   "question\taudio\tsources\tanswer\nHow far?\tfar.wav\ta.md\tten|10\n",
			   why),
		 0);
	CHECK_STR(e.q[0].wav, "far.wav");
	CHECK_STR(e.q[0].text, "How far?");
	CHECK_STR(e.q[0].answer, "ten|10");
}

static void what_is_wrong_is_said(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "q.tsv has no questions" },
		{ "question\tsources\n\n", "q.tsv has no questions" },
		{ "What?\tWhere?\n", "q.tsv:1: no column 'question'" },
		{ "\nquestion\tsource\nx\ty\n", "q.tsv:2: no column 'sources'" },
		{ "question\tsources\nHow far?\n", "q.tsv:2: the column 'sources' is missing" },
		{ "question\tsources\nHow far?\ta\n\ta.md\n", "q.tsv:3: no question" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(exam) struct exam e = { 0 };
		char why[EXAM_WHY];

		CHECK_EQ(read_text(&e, rows[i].text, why), -EBADMSG);
		CHECK(strncmp(why, rows[i].why, strlen(rows[i].why)) == 0);
	}
	AUTO(exam) struct exam e = { 0 };
	char why[EXAM_WHY];
	CHECK_EQ(exam_read(&e, bytes_of("question\0", 9), "q.tsv", why), -EBADMSG);
}

static void places(void)
{
	static const struct {
		const char *places, *path;
		unsigned page;
		const char *heading;
		bool is;
	} rows[] = {
		{ "a.md", "/home/x/a.md", 0, "", true },
		{ "a.md", "/home/x/ba.md", 0, "", false },
		{ "x/a.md", "/home/x/a.md", 0, "", true },
		{ "y/a.md", "/home/x/a.md", 0, "", false },
		{ "a.pdf#p=3", "a.pdf", 3, "", true },
		{ "a.pdf#p=3", "a.pdf", 31, "", false },
		{ "a.pdf#p=31", "a.pdf", 3, "", false },
		{ "b.pdf#p=1|a.pdf#p=2 | a.pdf#p=3", "a.pdf", 3, "", true },
		{ "a.md#h=Opening  Hours", "a.md", 0, "3.7. opening hours\xc2\xb6", true },
		{ "a.md#h=2 Boats", "a.md", 0, "Boats", true },
		{ "a.md#h=Boats", "a.md", 0, "Boats and seals", false },
		{ "a.md#h=Boats and seals", "a.md", 0, "Boats", false },
		{ "", "a.md", 0, "", false },
		{ "#h=x", "a.md", 0, "x", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_EQ(exam_is_place(rows[i].places, rows[i].path, rows[i].page, rows[i].heading),
			 rows[i].is);
}

static void files_named(void)
{
	const char *at = "a.md#p=1 | b.md";
	struct bytes f;

	CHECK(exam_next_file(&at, &f) && bytes_is(f, "a.md"));
	CHECK(exam_next_file(&at, &f) && bytes_is(f, "b.md"));
	CHECK(!exam_next_file(&at, &f));
}

static void answers(void)
{
	CHECK(exam_says("It is TWO  hundred\nmetres high.", "3|two hundred metres"));
	CHECK(!exam_says("It is two.", "two hundred"));
	CHECK(!exam_says("", "two"));
	CHECK(!exam_says("two", ""));
}

TESTS({ "columns_in_any_order", columns_in_any_order },
      { "a_recording_and_its_words", a_recording_and_its_words },
      { "what_is_wrong_is_said", what_is_wrong_is_said }, { "places", places },
      { "files_named", files_named }, { "answers", answers })
