#include "base/test.h"
#include "document/outline_pack.h"

static void make(struct outline_pack *p, struct buf *to)
{
	outline_add(&p->outline, BLOCK_HEADING, 1, 1, bytes_str("Boats"));
	outline_add(&p->outline, BLOCK_PARA, 0, 2, bytes_str("Keep away from seals, caf\xc3\xa9."));
	outline_title(&p->outline, bytes_str("Boats"));
	snprintf(p->type, sizeof(p->type), "html");
	buf_put(to, p->outline.text.p, p->outline.text.n);
	outline_pack_rest(p, to);
}

static void pack_auto_(struct outline_pack *p)
{
	outline_done(&p->outline);
}

static void comes_back(void)
{
	AUTO(pack) struct outline_pack a = { 0 }, b = { 0 };
	AUTO(buf) struct buf c = { 0 };

	make(&a, &c);
	CHECK(!c.failed && !a.outline.text.failed);
	CHECK(outline_unpack(&c, PACK_TEXT, &b));
	CHECK_EQ(c.n, 0);
	CHECK_EQ(b.verdict, EXTRACT_OK);
	CHECK(bytes_eq(buf_bytes(&a.outline.text), buf_bytes(&b.outline.text)));
	CHECK(b.outline.n_blocks == 2 && b.outline.n_pages == 2 && b.outline.blocks[1].page == 2);
	CHECK(b.outline.blocks[1].start == 7 && b.outline.blocks[1].kind == BLOCK_PARA);
	CHECK_STR(b.outline.title, "Boats");
	CHECK_STR(b.type, "html");
}

static void failures_come_back(void)
{
	AUTO(pack) struct outline_pack b = { 0 };
	AUTO(buf) struct buf c = { 0 };
	const struct outline_pack a = { .verdict = EXTRACT_EMPTY, .why = "a.html: holds no text" };

	outline_pack_rest(&a, &c);
	CHECK(outline_unpack(&c, PACK_TEXT, &b));
	CHECK_EQ(b.verdict, EXTRACT_EMPTY);
	CHECK_STR(b.why, "a.html: holds no text");
	CHECK(b.outline.text.n == 0 && b.outline.n_blocks == 0);
}

/* Any octet of the structure changed, any length cut: refused or still sound, never read beyond. */
static void survives_changes(void)
{
	AUTO(pack) struct outline_pack a = { 0 };
	AUTO(buf) struct buf good = { 0 };
	size_t n_text, refused = 0, tried = 0;

	make(&a, &good);
	CHECK(!good.failed && !a.outline.text.failed);
	n_text = a.outline.text.n;
	for (size_t i = 0; i < good.n; i++, tried++) {
		AUTO(pack) struct outline_pack b = { 0 };
		AUTO(buf) struct buf c = { 0 };

		buf_put(&c, good.p, good.n);
		CHECK(!c.failed);
		c.p[i] ^= 0x80;
		refused += !outline_unpack(&c, PACK_TEXT, &b);
		for (size_t k = 0; k < b.outline.n_blocks; k++)
			CHECK(b.outline.blocks[k].end <= b.outline.text.n);
	}
	CHECK(refused > tried - n_text / 2); /* in the text "\xc3\xa9" and its like may be others */
	for (size_t n = 0; n < good.n; n++) {
		AUTO(pack) struct outline_pack b = { 0 };
		AUTO(buf) struct buf c = { 0 };

		buf_put(&c, good.p, n);
		CHECK(!outline_unpack(&c, PACK_TEXT, &b));
	}
}

static void octets_are_any(void)
{
	AUTO(pack) struct outline_pack a = { 0 }, b = { 0 }, none = { 0 };
	AUTO(buf) struct buf c = { 0 };

	buf_put(&a.outline.text, "\x1b\xff\0x", 4);
	buf_put(&c, a.outline.text.p, a.outline.text.n);
	outline_pack_rest(&a, &c);
	CHECK(!c.failed);
	CHECK(!outline_unpack(&c, PACK_TEXT, &none));
	CHECK(outline_unpack(&c, PACK_OCTETS, &b));
	CHECK_EQ(b.outline.text.n, 4);
}

TESTS({ "comes_back", comes_back }, { "failures_come_back", failures_come_back },
      { "survives_changes", survives_changes }, { "octets_are_any", octets_are_any })
