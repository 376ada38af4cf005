#include "document/html.h"

#include <libxml/HTMLparser.h>
#include <limits.h>
#include <stdlib.h>
#include <strings.h>

#include "document/charset.h"
#include "document/table.h"
#include "document/utf8.h"

enum { DEPTH_MAX = 200, SPAN_MAX = 64 };

struct page {
	struct outline *to;
	struct buf para;      /* inline text of the block that is open */
	struct buf term;      /* <dt> waiting for its <dd>             */
	enum block_kind kind; /* what para will be                     */
	unsigned depth;
};

static const char *str(const xmlChar *s)
{
	return (const char *)s;
}

static bool is(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && strcasecmp(str(n->name), name) == 0;
}

static bool one_of(const xmlNode *n, const char *const *names)
{
	for (; *names; names++)
		if (is(n, *names))
			return true;
	return false;
}

/* An attribute's text; borrowed from the tree. "" if absent. */
static const char *attribute(const xmlNode *n, const char *name)
{
	for (const xmlAttr *a = n->properties; a; a = a->next)
		if (strcasecmp(str(a->name), name) == 0 && a->children && a->children->content)
			return str(a->children->content);
	return "";
}

static bool has_class(const xmlNode *n, const char *class)
{
	const char *s = attribute(n, "class");
	size_t k = strlen(class);

	while (*s) {
		size_t len = strcspn(s, " \t\n");

		if (len == k && memcmp(s, class, k) == 0)
			return true;
		s += len;
		s += strspn(s, " \t\n");
	}
	return false;
}

static const char *const unread[] = { "script", "style", "nav", "footer", "aside", "template",
				      "noscript", "button", "select", "textarea", "svg", "iframe",
				      "object", "head", "audio", "video", "canvas", NULL };

static const char *const furniture[] = {
	"sphinxsidebar", "related", "headerlink", "toctree-wrapper", "navheader", "navfooter",
	"toc", "TOC", "table-of-contents", "breadcrumb", "breadcrumbs", "wy-nav-side",
	"wy-breadcrumbs", "rst-footer-buttons", "sidebar", "menu", "navbar", "pagination", "footer",
	"skip-link", "visually-hidden", "sr-only", "viewcode-link", "copybtn", "linenos",
	"edit-page", "prev-next-area", "footnote-ref", "footnote-back", NULL
};

static const char *const roles[] = { "navigation", "search", "banner", "contentinfo", "menu",
				      "doc-noteref", "doc-backlink", "doc-pagebreak", NULL };

static bool is_skipped(const xmlNode *n)
{
	const char *role = attribute(n, "role");

	if (one_of(n, unread) || *attribute(n, "hidden") ||
	    strcmp(attribute(n, "aria-hidden"), "true") == 0)
		return true;
	for (const char *const *f = furniture; *f; f++)
		if (has_class(n, *f))
			return true;
	for (const char *const *r = roles; *r; r++)
		if (strcmp(role, *r) == 0)
			return true;
	/* A page's header is a banner; an article's holds its title. */
	return is(n, "header") && n->parent && is(n->parent, "body");
}

/* --- inline text ---------------------------------------------------------------------------- */

static void put_text(struct buf *to, const xmlNode *n, unsigned depth)
{
	if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) {
		if (n->content)
			buf_puts(to, str(n->content));
		return;
	}
	if (n->type != XML_ELEMENT_NODE || depth > DEPTH_MAX || is_skipped(n))
		return;
	if (is(n, "br")) {
		buf_putc(to, '\n');
		return;
	}
	static const char *const spaced[] = { "p", "li", "div", "td", "th", "dt", "dd", "tr", NULL };
	bool apart = one_of(n, spaced) && to->n;
	if (apart)
		buf_putc(to, ' ');
	for (const xmlNode *c = n->children; c; c = c->next)
		put_text(to, c, depth + 1);
	if (apart)
		buf_putc(to, ' ');
}

/* --- blocks ------------------------------------------------------------------------------------ */

static void flush(struct page *p)
{
	if (p->para.n)
		outline_add(p->to, p->kind, 0, 0, buf_bytes(&p->para));
	if (p->para.failed || p->term.failed)
		p->to->text.failed = true;
	buf_reset(&p->para);
}

static void add_element(struct page *p, const xmlNode *n, enum block_kind kind, unsigned level)
{
	AUTO(buf) struct buf b = { 0 };

	flush(p);
	for (const xmlNode *c = n->children; c; c = c->next)
		put_text(&b, c, p->depth);
	if (b.failed)
		p->to->text.failed = true;
	outline_add(p->to, kind, level, 0, buf_bytes(&b));
	if (kind == BLOCK_HEADING && level == 1)
		outline_title(p->to, buf_bytes(&b));
}

static void walk_list(struct page *p, const xmlNode *first);

static void walk_children(struct page *p, const xmlNode *n)
{
	walk_list(p, n->children);
}

static void on_heading(struct page *p, const xmlNode *n)
{
	add_element(p, n, BLOCK_HEADING, (unsigned)(n->name[1] - '0'));
}

static void on_code(struct page *p, const xmlNode *n)
{
	add_element(p, n, BLOCK_CODE, 0);
}

static void on_block(struct page *p, const xmlNode *n)
{
	flush(p);
	walk_children(p, n);
	flush(p);
}

static unsigned item_number(const xmlNode *n)
{
	unsigned i = 1;

	for (const xmlNode *s = n->prev; s; s = s->prev)
		i += is(s, "li");
	return i;
}

static void on_item(struct page *p, const xmlNode *n)
{
	enum block_kind before = p->kind;

	flush(p);
	p->kind = BLOCK_ITEM;
	/* Which step it is is part of what is said. A paragraph inside keeps the number. */
	if (n->parent && is(n->parent, "ol"))
		buf_printf(&p->para, "%u. ", item_number(n));
	walk_children(p, n);
	flush(p);
	p->kind = before;
}

static bool only_number(const struct buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (!strchr("0123456789. \n\t", b->p[i]))
			return false;
	return true;
}

static void on_paragraph(struct page *p, const xmlNode *n)
{
	if (p->kind != BLOCK_ITEM || !only_number(&p->para))
		flush(p);
	walk_children(p, n);
	flush(p);
}

static void on_term(struct page *p, const xmlNode *n)
{
	flush(p);
	if (p->term.n)
		buf_puts(&p->term, ", ");
	for (const xmlNode *c = n->children; c; c = c->next)
		put_text(&p->term, c, p->depth);
}

static void on_definition(struct page *p, const xmlNode *n)
{
	flush(p);
	/* "term: " begins the definition's first paragraph. */
	while (p->term.n && strchr(" \n:", p->term.p[p->term.n - 1]))
		p->term.n--;
	if (p->term.n) {
		buf_put(&p->para, p->term.p, p->term.n);
		buf_puts(&p->para, ": ");
		buf_reset(&p->term);
		const xmlNode *c = n->children;
		while (c && c->type != XML_ELEMENT_NODE)
			c = c->next;
		if (c && is(c, "p")) {
			put_text(&p->para, c, p->depth);
			flush(p);
			walk_list(p, c->next);
			flush(p);
			return;
		}
	}
	walk_children(p, n);
	flush(p);
}

/* --- tables ---------------------------------------------------------------------------------------- */

static size_t span_of(const xmlNode *cell)
{
	long n = strtol(attribute(cell, "colspan"), NULL, 10);

	return (size_t)MIN(MAX(n, 1L), (long)SPAN_MAX);
}

static void read_row(struct page *p, const xmlNode *tr, struct table *to)
{
	bool all_heads = tr->parent && is(tr->parent, "thead");
	AUTO(buf) struct buf b = { 0 };

	for (const xmlNode *c = tr->children; c; c = c->next) {
		bool head = is(c, "th");

		if (!head && !is(c, "td"))
			continue;
		buf_reset(&b);
		put_text(&b, c, p->depth);
		if (b.failed)
			p->to->text.failed = true;
		table_cell(to, buf_bytes(&b), head || all_heads ? TABLE_HEAD : TABLE_DATA);
		table_column(to, to->row.n + span_of(c) - 1);
	}
	table_row(to);
}

static void walk_rows(struct page *p, const xmlNode *n, struct table *to, unsigned depth)
{
	static const char *const parts[] = { "thead", "tbody", "tfoot", NULL };

	for (const xmlNode *c = n->children; c && depth < 4; c = c->next) {
		if (one_of(c, parts))
			walk_rows(p, c, to, depth + 1);
		if (is(c, "caption"))
			add_element(p, c, BLOCK_PARA, 0);
		if (is(c, "tr"))
			read_row(p, c, to);
	}
}

/* A table that arranges a page, not data: it holds headings, lists or tables. */
static bool is_layout(const xmlNode *n, unsigned depth)
{
	static const char *const large[] = { "h1", "h2", "h3", "h4", "table", "pre", "dl", NULL };

	for (const xmlNode *c = n->children; c && depth < DEPTH_MAX; c = c->next)
		if (one_of(c, large) || (c->type == XML_ELEMENT_NODE && is_layout(c, depth + 1)))
			return true;
	return false;
}

static void on_table(struct page *p, const xmlNode *n)
{
	AUTO(table) struct table t = { .to = p->to };

	flush(p);
	if (is_layout(n, 0)) {
		walk_children(p, n);
		flush(p);
		return;
	}
	walk_rows(p, n, &t, 0);
	table_end(&t);
}

/* --- the walk --------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*on)(struct page *p, const xmlNode *n);
} elements[] = {
	{ "h1", on_heading },	  { "h2", on_heading },	     { "h3", on_heading },
	{ "h4", on_heading },	  { "h5", on_heading },	     { "h6", on_heading },
	{ "p", on_paragraph },	  { "li", on_item },	     { "pre", on_code },
	{ "dt", on_term },	  { "dd", on_definition },   { "table", on_table },
	{ "div", on_block },	  { "section", on_block },   { "article", on_block },
	{ "main", on_block },	  { "ul", on_block },	     { "ol", on_block },
	{ "dl", on_block },	  { "blockquote", on_block }, { "figure", on_block },
	{ "figcaption", on_block }, { "details", on_block }, { "summary", on_block },
	{ "td", on_block },	  { "th", on_block },	     { "tr", on_block },
	{ "header", on_block },	  { "hr", on_block },	     { "body", on_block },
	{ "form", on_block },	  { "fieldset", on_block },  { "address", on_block },
	{ "center", on_block },
};

static void walk(struct page *p, const xmlNode *n)
{
	if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) {
		if (n->content)
			buf_puts(&p->para, str(n->content));
		return;
	}
	if (n->type != XML_ELEMENT_NODE || p->depth > DEPTH_MAX || is_skipped(n))
		return;
	p->depth++;
	for (size_t i = 0; i < ARRAY_LEN(elements); i++) {
		if (!is(n, elements[i].name))
			continue;
		elements[i].on(p, n);
		p->depth--;
		return;
	}
	if (is(n, "br"))
		buf_putc(&p->para, ' ');
	walk_children(p, n);
	p->depth--;
}

static void walk_list(struct page *p, const xmlNode *first)
{
	for (const xmlNode *c = first; c; c = c->next)
		walk(p, c);
}

typedef bool matcher(const xmlNode *n);

static bool is_main(const xmlNode *n)
{
	return is(n, "main") || strcmp(attribute(n, "role"), "main") == 0;
}

static bool is_article(const xmlNode *n)
{
	return is(n, "article");
}

static bool is_body(const xmlNode *n)
{
	return is(n, "body");
}

static bool is_title(const xmlNode *n)
{
	return is(n, "title");
}

static const xmlNode *find(const xmlNode *n, matcher *match, unsigned depth)
{
	for (const xmlNode *c = n; c; c = c->next) {
		if (c->type == XML_ELEMENT_NODE && match(c))
			return c;
		const xmlNode *in = depth < DEPTH_MAX ? find(c->type == XML_ELEMENT_NODE ? c->children : NULL,
							     match, depth + 1)
						      : NULL;
		if (in)
			return in;
	}
	return NULL;
}

/* "Holidays — Handbook 1.2 documentation" is about holidays. */
static void title_from(struct page *p, const xmlNode *root)
{
	const xmlNode *t = find(root, is_title, 0);
	AUTO(buf) struct buf b = { 0 };

	if (!t)
		return;
	for (const xmlNode *c = t->children; c; c = c->next)
		put_text(&b, c, 0);
	const char *dash = b.p ? strstr((char *)b.p, " \xe2\x80\x94 ") : NULL;
	outline_title(p->to, bytes_of(b.p, dash ? (size_t)(dash - (char *)b.p) : b.n));
}

static void read_tree(struct outline *to, const xmlNode *root)
{
	struct page p = { .to = to, .kind = BLOCK_PARA };
	const xmlNode *from = find(root, is_main, 0);

	if (!from)
		from = find(root, is_article, 0);
	if (!from)
		from = find(root, is_body, 0);
	if (!from)
		from = root;
	walk_children(&p, from);
	flush(&p);
	title_from(&p, root);
	buf_done(&p.para);
	buf_done(&p.term);
}

/* libxml2 would write to standard error, even when told not to. */
static void hush(void *ctx, const char *format, ...)
{
	(void)ctx, (void)format;
}

static void hush_structured(void *ctx, xmlErrorPtr error)
{
	(void)ctx, (void)error;
}

/* XHTML closes what HTML leaves open: "<title/>" is an empty title only there. */
static htmlDocPtr parse(struct bytes t)
{
	if (bytes_starts(t, "<?xml") || (t.n && memmem(t.p, MIN(t.n, (size_t)1024), "/1999/xhtml", 11))) {
		xmlDocPtr d = xmlReadMemory((const char *)t.p, (int)t.n, NULL, "UTF-8",
					    XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET |
						    XML_PARSE_COMPACT);
		if (d)
			return d;
	}
	return htmlReadMemory((const char *)t.p, (int)t.n, NULL, "UTF-8",
			      HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
				      HTML_PARSE_NONET | HTML_PARSE_COMPACT);
}

bool html_read(struct outline *to, struct bytes raw)
{
	AUTO(buf) struct buf text = { 0 };

	charset_import(&text, raw, charset_declared(raw));
	if (text.failed || text.n > INT_MAX) {
		to->text.failed |= text.failed;
		return false;
	}
	xmlSetGenericErrorFunc(NULL, hush); /* both are of this thread */
	xmlSetStructuredErrorFunc(NULL, hush_structured);
	htmlDocPtr d = parse(buf_bytes(&text));
	const xmlNode *root = d ? xmlDocGetRootElement(d) : NULL;
	if (root)
		read_tree(to, root);
	xmlFreeDoc(d);
	return root && !to->text.failed;
}
