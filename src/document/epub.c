#include "document/epub.h"

#include "base/alloc.h"
#include "document/archive.h"
#include "document/html.h"
#include "document/office.h"
#include "document/tags.h"

enum { ITEMS_MAX = 20000 };

struct item { /* of the manifest: EPUB 3.3, 5.6 */
	char *id, *member;
	char *title; /* in the table of contents; NULL: not there */
	bool page, contents;
};

struct epub {
	struct outline *to;
	struct buf package; /* the member that lists the others */
	struct item *items;
	size_t n_items, cap_items;
	size_t *spine; /* items in reading order */
	size_t n_spine, cap_spine;
	/* while reading the table of contents */
	const char *base;
	struct buf text, target;
	bool in_text;
	bool failed;
};

static void epub_done(struct epub *e)
{
	buf_done(&e->package);
	for (size_t i = 0; i < e->n_items; i++) {
		mem_free(e->items[i].id);
		mem_free(e->items[i].member);
		mem_free(e->items[i].title);
	}
	mem_free(e->items);
	mem_free(e->spine);
	buf_done(&e->text);
	buf_done(&e->target);
}

static enum extract_verdict read_part(struct epub *e, struct archive *a, const char *part,
				      const struct tag_table *table)
{
	AUTO(buf) struct buf xml = { 0 };
	enum extract_verdict v = archive_read(a, part, &xml);

	if (v == EXTRACT_OK)
		v = tags_walk(buf_bytes(&xml), table, e);
	return e->failed ? EXTRACT_NO_MEMORY : v;
}

/* --- what there is ----------------------------------------------------------------------- */

static void on_root(void *ctx, struct tags *t)
{
	struct epub *e = ctx;

	archive_resolve("", tags_attr(t, "full-path"), &e->package);
	e->failed |= e->package.failed;
	tags_stop(t);
}

static const struct tag container_tags[] = { { "rootfile", on_root, NULL } };
static const struct tag_table container_table = { container_tags, ARRAY_LEN(container_tags), NULL };

static char *copy(struct bytes t)
{
	AUTO(buf) struct buf b = { 0 };

	buf_put(&b, t.p, t.n);
	return buf_take(&b);
}

static bool has_word(struct bytes t, const char *word)
{
	return t.n && memmem(t.p, t.n, word, strlen(word)) != NULL;
}

static void on_item(void *ctx, struct tags *t)
{
	struct epub *e = ctx;
	struct bytes type = tags_attr(t, "media-type");
	AUTO(buf) struct buf member = { 0 };

	if (e->n_items >= ITEMS_MAX || e->failed)
		return;
	archive_resolve((const char *)e->package.p, tags_attr(t, "href"), &member);
	struct item new = {
		.id = copy(tags_attr(t, "id")),
		.member = buf_take(&member),
		.page = bytes_is(type, "application/xhtml+xml") || bytes_is(type, "text/html"),
		.contents = has_word(tags_attr(t, "properties"), "nav") || has_word(type, "dtbncx"),
	};
	if (new.id && new.member && mem_grow(&e->items, &e->cap_items, e->n_items, sizeof(new))) {
		e->items[e->n_items++] = new;
		return;
	}
	mem_free(new.id);
	mem_free(new.member);
	e->failed = true;
}

static void on_spine(void *ctx, struct tags *t)
{
	struct epub *e = ctx;
	struct bytes id = tags_attr(t, "idref");

	for (size_t i = 0; i < e->n_items && e->n_spine < ITEMS_MAX; i++) {
		if (!bytes_is(id, e->items[i].id) || !e->items[i].page || e->items[i].contents)
			continue;
		if (mem_grow(&e->spine, &e->cap_spine, e->n_spine, sizeof(*e->spine)))
			e->spine[e->n_spine++] = i;
		else
			e->failed = true;
		return;
	}
}

static const struct tag package_tags[] = { { "item", on_item, NULL }, { "itemref", on_spine, NULL } };
static const struct tag_table package_table = { package_tags, ARRAY_LEN(package_tags), NULL };

/* --- the table of contents ------------------------------------------------------------------- */

static void text_open(void *ctx, struct tags *t)
{
	struct epub *e = ctx;

	(void)t;
	buf_reset(&e->text);
	e->in_text = true;
}

static void text_close(void *ctx, struct tags *t)
{
	struct epub *e = ctx;

	(void)t;
	e->in_text = false;
}

static void on_text(void *ctx, struct bytes t)
{
	struct epub *e = ctx;

	if (e->in_text)
		buf_put(&e->text, t.p, t.n);
}

static void target(struct epub *e, struct bytes ref)
{
	archive_resolve(e->base, ref, &e->target);
}

/* The first title that points into a chapter is the chapter's. */
static void keep_title(struct epub *e)
{
	e->failed |= e->target.failed || e->text.failed;
	for (size_t i = 0; i < e->n_items && e->text.n && e->target.n; i++) {
		struct item *it = &e->items[i];

		if (it->title || !bytes_is(buf_bytes(&e->target), it->member))
			continue;
		it->title = copy(buf_bytes(&e->text));
		e->failed |= !it->title;
		return;
	}
}

static void link_open(void *ctx, struct tags *t)
{
	target(ctx, tags_attr(t, "href"));
	text_open(ctx, t);
}

static void link_close(void *ctx, struct tags *t)
{
	text_close(ctx, t);
	keep_title(ctx);
}

/* NCX: <navPoint><navLabel><text>…</text></navLabel><content src="…"/></navPoint>. */
static void on_content(void *ctx, struct tags *t)
{
	target(ctx, tags_attr(t, "src"));
	keep_title(ctx);
}

static const struct tag contents_tags[] = {
	{ "a", link_open, link_close },
	{ "text", text_open, text_close },
	{ "content", on_content, NULL },
};
static const struct tag_table contents_table = { contents_tags, ARRAY_LEN(contents_tags), on_text };

/* --- chapters ------------------------------------------------------------------------------------ */

static enum extract_verdict read_chapter(struct epub *e, struct archive *a, const struct item *it)
{
	AUTO(buf) struct buf page = { 0 };
	enum extract_verdict v = archive_read(a, it->member, &page);

	if (v != EXTRACT_OK)
		return v == EXTRACT_EMPTY ? EXTRACT_OK : v;
	e->to->before = bytes_str(it->title);
	bool read = html_read(e->to, buf_bytes(&page));
	e->to->before = (struct bytes){ 0 };
	return read || !e->to->text.failed ? EXTRACT_OK : EXTRACT_NO_MEMORY;
}

static enum extract_verdict read_book(struct epub *e, struct archive *a)
{
	enum extract_verdict v = read_part(e, a, "META-INF/container.xml", &container_table);

	if (v == EXTRACT_OK && !e->package.n)
		v = EXTRACT_MALFORMED;
	if (v == EXTRACT_OK)
		office_title(a, (const char *)e->package.p, e->to);
	if (v == EXTRACT_OK)
		v = read_part(e, a, (const char *)e->package.p, &package_table);
	if (v != EXTRACT_OK)
		return v;
	for (size_t i = 0; i < e->n_items; i++) {
		e->base = e->items[i].member;
		if (e->items[i].contents &&
		    read_part(e, a, e->base, &contents_table) == EXTRACT_NO_MEMORY)
			return EXTRACT_NO_MEMORY;
	}
	for (size_t i = 0; i < e->n_spine && v == EXTRACT_OK && !e->to->full; i++)
		v = read_chapter(e, a, &e->items[e->spine[i]]);
	return v;
}

enum extract_verdict epub_read(struct outline *to, struct bytes raw)
{
	AUTO(archive) struct archive *a = NULL;
	struct epub e = { .to = to };
	enum extract_verdict v = archive_open(raw, &a);

	if (v != EXTRACT_OK)
		return v;
	v = read_book(&e, a);
	epub_done(&e);
	return to->text.failed ? EXTRACT_NO_MEMORY : v == EXTRACT_EMPTY ? EXTRACT_MALFORMED : v;
}
