#include "base/test.h"
#include "document/passages.h"
#include "document/words.h"

static void add_words(struct outline *o, size_t n, const char *end)
{
	AUTO(buf) struct buf b = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%sword%zu", i ? " " : "", i);
	buf_puts(&b, end);
	if (b.failed)
		o->text.failed = true;
	outline_add(o, BLOCK_PARA, 0, 1, buf_bytes(&b));
}

static size_t n_words(const struct outline *o, const struct passage *p)
{
	return words_count(bytes_sub(buf_bytes(&o->text), p->start, p->end - p->start));
}

static void keeps_headings(void)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(passages) struct passages p = { 0 };

	outline_add(&o, BLOCK_HEADING, 1, 1, bytes_str("Book"));
	outline_add(&o, BLOCK_HEADING, 2, 1, bytes_str("One"));
	add_words(&o, 20, ".");
	outline_add(&o, BLOCK_HEADING, 3, 1, bytes_str("Deep"));
	add_words(&o, 20, ".");
	outline_add(&o, BLOCK_HEADING, 2, 1, bytes_str("Empty one here"));
	outline_add(&o, BLOCK_HEADING, 2, 1, bytes_str("Two"));
	add_words(&o, 20, ".");
	CHECK(!o.text.failed);
	CHECK_EQ(passages_cut(&o, &p), 0);
	CHECK_EQ(p.n, 4);
	CHECK_STR(p.p[0].path, "Book > One");
	CHECK_STR(p.p[1].path, "Book > One > Deep");
	CHECK_STR(p.p[1].heading, "Deep");
	CHECK_STR(p.p[2].path, "Book > Empty one here");
	CHECK_STR(p.p[3].heading, "Two");
}

static void has_a_good_length(void)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(passages) struct passages p = { 0 };

	for (size_t i = 0; i < 20; i++)
		add_words(&o, 45, ".");
	add_words(&o, 1000, ""); /* no end in sight */
	for (size_t i = 0; i < 3; i++)
		outline_add(&o, BLOCK_PARA, 0, 2, bytes_str("Short one."));
	CHECK(!o.text.failed);
	CHECK_EQ(passages_cut(&o, &p), 0);
	CHECK(p.n > 10);
	for (size_t i = 0; i < p.n; i++) {
		CHECK(n_words(&o, &p.p[i]) <= 220);
		CHECK(i == 0 || p.p[i].start >= p.p[i - 1].end);
	}
	CHECK_EQ(n_words(&o, &p.p[0]), 135);
}

static void cuts_at_sentences(void)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(passages) struct passages p = { 0 };
	AUTO(buf) struct buf b = { 0 };

	for (size_t i = 0; i < 40; i++)
		buf_puts(&b, "This is a sentence of eight words here. ");
	outline_add(&o, BLOCK_PARA, 0, 0, buf_bytes(&b));
	CHECK(!o.text.failed && !b.failed);
	CHECK_EQ(passages_cut(&o, &p), 0);
	CHECK(p.n >= 2);
	for (size_t i = 0; i < p.n; i++)
		CHECK_EQ(o.text.p[p.p[i].end - 1], '.');
}

static void nothing(void)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(passages) struct passages p = { 0 };

	CHECK_EQ(passages_cut(&o, &p), 0);
	CHECK_EQ(p.n, 0);
}

TESTS({ "keeps_headings", keeps_headings }, { "has_a_good_length", has_a_good_length },
      { "cuts_at_sentences", cuts_at_sentences }, { "nothing", nothing })
