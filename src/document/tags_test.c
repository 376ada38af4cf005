#include "base/test.h"
#include "document/tags.h"

static void on_a(void *ctx, struct tags *t)
{
	struct bytes v = tags_attr(t, "v");

	buf_printf(ctx, "<a %.*s %ld>", (int)v.n, (const char *)v.p, tags_attr_int(t, "n", -1));
}

static void off_a(void *ctx, struct tags *t)
{
	(void)t;
	buf_puts(ctx, "</a>");
}

static void on_stop(void *ctx, struct tags *t)
{
	(void)ctx;
	tags_stop(t);
}

static void on_text(void *ctx, struct bytes t)
{
	buf_put(ctx, t.p, t.n);
}

static const struct tag tags[] = {
	{ "a", on_a, off_a }, { "skip", tags_skip_it, off_a }, { "stop", on_stop, NULL } };
static const struct tag_table table = { tags, ARRAY_LEN(tags), on_text };

static void walks(void)
{
	static const struct {
		const char *xml, *text;
		enum extract_verdict v;
	} rows[] = {
		{ "<r xmlns:w='u'><w:a w:v='x&amp;y' n='12'/>t&lt;<![CDATA[<c>]]></r>", "<a x&y 12></a>t<<c>", EXTRACT_OK },
		{ "<r>1<skip>2<a/><skip/>3</skip>4</r>", "14", EXTRACT_OK },
		{ "<r>1<stop/>2<a></r>", "1", EXTRACT_OK },
		{ "<r>1<a n='-5x'>2</r>", "1<a  -1>2", EXTRACT_MALFORMED },
		{ "", "", EXTRACT_MALFORMED },
		{ "no xml", "", EXTRACT_MALFORMED },
		/* No entity but XML's own is looked up, in text or in attributes. */
		{ "<!DOCTYPE r [<!ENTITY a 'aaaaaaaa'><!ENTITY b '&a;&a;'>"
		  "<!ENTITY f SYSTEM 'file:///etc/hostname'>]><r>1&b;&f;&#x41;</r>", "1", EXTRACT_MALFORMED },
		{ "<?xml version='1.0' encoding='iso-8859-1'?><r>caf\xe9</r>", "caf\xc3\xa9", EXTRACT_OK },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) struct buf b = { 0 };

		buf_puts(&b, "");
		CHECK_EQ(tags_walk(bytes_str(rows[i].xml), &table, &b), rows[i].v);
		CHECK(!b.failed);
		if (i != 6)
			CHECK_STR((char *)b.p, rows[i].text);
		else
			CHECK(!strstr((char *)b.p, "aaaa"));
	}
}

static void survives_depth(void)
{
	AUTO(buf) struct buf xml = { 0 };
	AUTO(buf) struct buf b = { 0 };

	for (size_t i = 0; i < 10000; i++)
		buf_puts(&xml, "<a>");
	CHECK(!xml.failed);
	CHECK_EQ(tags_walk(buf_bytes(&xml), &table, &b), EXTRACT_MALFORMED);
}

TESTS({ "walks", walks }, { "survives_depth", survives_depth })
