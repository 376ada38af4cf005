#include "base/test.h"
#include "document/html.h"

static const char page[] =
	"<!DOCTYPE html><html><head><title>Shop &mdash; Site 1.0</title><style>x{}</style></head><body>"
	"<header>Banner</header><nav>Menu</nav><div class='sphinxsidebar'>side</div>"
	"<div role='main'><h1>Shop<a class='headerlink'>\xc2\xb6</a></h1>"
	"<p>Open <b>daily</b>\n  from <i>nine</i>.</p><script>alert(1)</script>"
	"<ul><li>tea</li><li><p>coffee</p></li></ul><ol><li>Go</li><li><p>Stop</p></li></ol>"
	"<dl><dt>Depends</dt><dd><p>Needs it.</p><p>More.</p></dd></dl>"
	"<table><thead><tr><th>City</th><th>Price</th></tr></thead>"
	"<tr><td>Paris</td><td><p>60</p></td></tr></table>"
	"<table><tr><th>Phone</th><td>12</td></tr></table>"
	"<pre>a = 1\n  b</pre></div><footer>foot</footer></body></html>";

static void reads_what_readers_read(void)
{
	AUTO(outline) struct outline o = { 0 };

	CHECK(html_read(&o, bytes_str(page)));
	CHECK_STR(o.title, "Shop");
	CHECK_STR((char *)o.text.p, "Shop\n\nOpen daily from nine.\n\ntea\ncoffee\n1. Go\n2. Stop\n\n"
				    "Depends: Needs it.\n\nMore.\n\nCity: Paris; Price: 60\nPhone: 12\n\n"
				    "a = 1\n  b");
	CHECK_EQ(o.blocks[0].kind, BLOCK_HEADING);
	CHECK_EQ(o.blocks[0].level, 1);
}

static void forgives(void)
{
	static const char *const rows[][2] = {
		{ "just text", "just text" },
		{ "<p>a<p>b<div>c", "a\n\nb\n\nc" },
		{ "<body><table><tr><td><h2>T</h2>x</td></tr></table>", "T\n\nx" },
		{ "<meta charset=iso-8859-1><p>caf\xe9", "caf\xc3\xa9" },
		{ "<p>caf\xe9 \x80</p>", "caf\xc3\xa9 \xe2\x82\xac" },
		{ "<p>&copy; &nbsp; &unknown; &#8364;</p>", "\xc2\xa9 &unknown; \xe2\x82\xac" },
		{ "<p>x</p><!ENTITY a SYSTEM 'file:///etc/passwd'><p>&a;</p>", "x\n\n<!ENTITY a SYSTEM 'file:///etc/passwd'>\n\n&a;" }, /* never opened */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(outline) struct outline o = { 0 };
		CHECK(html_read(&o, bytes_str(rows[i][0])));
		CHECK_STR((char *)o.text.p, rows[i][1]);
	}
}

static void survives_depth(void)
{
	AUTO(buf) struct buf b = { 0 };
	AUTO(outline) struct outline o = { 0 };

	for (size_t i = 0; i < 20000; i++)
		buf_puts(&b, "<div><table>");
	buf_puts(&b, "deep");
	CHECK(!b.failed);
	CHECK(html_read(&o, buf_bytes(&b)) || !o.text.n);
}

TESTS({ "reads_what_readers_read", reads_what_readers_read }, { "forgives", forgives },
      { "survives_depth", survives_depth })
