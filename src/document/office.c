#include "document/office.h"

#include "base/alloc.h"
#include "document/tags.h"

static bool holds(struct bytes t, const char *s)
{
	return t.n && memmem(t.p, t.n, s, strlen(s)) != NULL;
}

/* --- which kind ------------------------------------------------------------------- */

/* What the `mimetype` member says; a template's type goes on after it. */
static const struct {
	const char *mime, *type;
} by_mimetype[] = {
	{ "application/epub+zip", "epub" },
	{ "application/vnd.oasis.opendocument.text", "odt" },
	{ "application/vnd.oasis.opendocument.spreadsheet", "ods" },
	{ "application/vnd.oasis.opendocument.presentation", "odp" },
};

/* In [Content_Types].xml: the main part's type, with its variants for templates, macros and
 * shows; and where the part nearly always is. */
static const struct {
	const char *word[2], *type, *usual;
} by_content_type[] = {
	{ { "wordprocessingml.", "ms-word." }, "docx", "word/document.xml" },
	{ { "presentationml.", "ms-powerpoint." }, "pptx", "ppt/presentation.xml" },
	{ { "spreadsheetml.", "ms-excel." }, "xlsx", "xl/workbook.xml" },
};

struct content_types {
	struct buf part;
	const char *type;
};

static void on_override(void *ctx, struct tags *t)
{
	struct content_types *c = ctx;
	struct bytes type = tags_attr(t, "ContentType"), part = tags_attr(t, "PartName");

	if (!holds(type, ".main+xml") || part.n < 2)
		return;
	for (size_t i = 0; i < ARRAY_LEN(by_content_type); i++) {
		if (!holds(type, by_content_type[i].word[0]) && !holds(type, by_content_type[i].word[1]))
			continue;
		archive_resolve("", part, &c->part);
		c->type = by_content_type[i].type;
		tags_stop(t);
		return;
	}
}

static const struct tag content_type_tags[] = { { "Override", on_override, NULL } };

static enum extract_verdict content_types(struct archive *a, struct content_types *c)
{
	static const struct tag_table table = { content_type_tags, ARRAY_LEN(content_type_tags), NULL };
	AUTO(buf) struct buf xml = { 0 };
	enum extract_verdict v = archive_read(a, "[Content_Types].xml", &xml);

	if (v == EXTRACT_OK)
		v = tags_walk(buf_bytes(&xml), &table, c);
	if (v == EXTRACT_NO_MEMORY || c->part.failed)
		return EXTRACT_NO_MEMORY;
	for (size_t i = 0; i < ARRAY_LEN(by_content_type) && !c->type; i++) {
		if (!archive_has(a, by_content_type[i].usual))
			continue;
		c->type = by_content_type[i].type;
		buf_puts(&c->part, by_content_type[i].usual);
	}
	return c->part.failed ? EXTRACT_NO_MEMORY : c->type ? EXTRACT_OK : EXTRACT_EMPTY;
}

const char *office_type(struct bytes zip)
{
	AUTO(archive) struct archive *a = NULL;
	AUTO(buf) struct buf mime = { 0 };

	if (zip.n < 4 || memcmp(zip.p, "PK\3\4", 4) != 0 || archive_open(zip, &a) != EXTRACT_OK)
		return NULL;
	if (archive_read(a, "mimetype", &mime) == EXTRACT_OK)
		for (size_t i = 0; i < ARRAY_LEN(by_mimetype); i++)
			if (bytes_starts(buf_bytes(&mime), by_mimetype[i].mime))
				return by_mimetype[i].type;
	struct content_types c = { .type = NULL };
	AUTO(buf) struct buf part = { 0 };
	enum extract_verdict v = content_types(a, &c);
	part = c.part;
	if (v == EXTRACT_OK)
		return c.type;
	return archive_has(a, "META-INF/container.xml") ? "epub" : NULL;
}

enum extract_verdict office_main(struct archive *a, struct buf *name)
{
	struct content_types c = { .part = *name };

	*name = (struct buf){ 0 };
	buf_reset(&c.part);
	enum extract_verdict v = content_types(a, &c);
	*name = c.part;
	return v;
}

/* --- relations ----------------------------------------------------------------------- */

static char *copy(struct bytes t)
{
	AUTO(buf) struct buf b = { 0 };

	buf_put(&b, t.p, t.n);
	return buf_take(&b);
}

static void on_relation(void *ctx, struct tags *t)
{
	struct relations *r = ctx;
	struct bytes type = tags_attr(t, "Type");
	AUTO(buf) struct buf target = { 0 };

	if (r->failed || tags_attr_is(t, "TargetMode", "External"))
		return;
	for (const uint8_t *slash; type.n && (slash = memchr(type.p, '/', type.n)) != NULL;)
		type = bytes_of(slash + 1, (size_t)(type.p + type.n - slash) - 1);
	archive_resolve(r->base, tags_attr(t, "Target"), &target);
	struct relation new = { copy(tags_attr(t, "Id")), copy(type), buf_take(&target) };
	if (new.id && new.type && new.target && mem_grow(&r->r, &r->cap, r->n, sizeof(*r->r))) {
		r->r[r->n++] = new;
		return;
	}
	mem_free(new.id);
	mem_free(new.type);
	mem_free(new.target);
	r->failed = true;
}

enum extract_verdict office_relations(struct archive *a, const char *part, struct relations *out)
{
	static const struct tag tags[] = { { "Relationship", on_relation, NULL } };
	static const struct tag_table table = { tags, ARRAY_LEN(tags), NULL };
	const char *slash = strrchr(part, '/'), *last = slash ? slash + 1 : part;
	AUTO(buf) struct buf xml = { 0 };
	AUTO(mem) char *name = mem_printf("%.*s_rels/%s.rels", (int)(last - part), part, last);

	out->base = mem_strdup(part);
	if (!name || !out->base)
		return EXTRACT_NO_MEMORY;
	enum extract_verdict v = archive_read(a, name, &xml);
	if (v == EXTRACT_OK)
		v = tags_walk(buf_bytes(&xml), &table, out);
	return out->failed ? EXTRACT_NO_MEMORY : v == EXTRACT_EMPTY ? EXTRACT_OK : v;
}

void relations_done(struct relations *r)
{
	for (size_t i = 0; i < r->n; i++) {
		mem_free(r->r[i].id);
		mem_free(r->r[i].type);
		mem_free(r->r[i].target);
	}
	mem_free(r->r);
	mem_free(r->base);
	*r = (struct relations){ 0 };
}

const char *relations_by_id(const struct relations *r, struct bytes id)
{
	for (size_t i = 0; i < r->n; i++)
		if (bytes_is(id, r->r[i].id))
			return r->r[i].target;
	return "";
}

const char *relations_by_type(const struct relations *r, const char *type)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->r[i].type, type) == 0)
			return r->r[i].target;
	return "";
}

/* --- title --------------------------------------------------------------------------- */

struct title {
	struct buf text;
	bool inside;
};

static void title_open(void *ctx, struct tags *t)
{
	struct title *title = ctx;

	(void)t;
	title->inside = true;
}

static void title_close(void *ctx, struct tags *t)
{
	(void)ctx;
	tags_stop(t);
}

static void title_text(void *ctx, struct bytes t)
{
	struct title *title = ctx;

	if (title->inside)
		buf_put(&title->text, t.p, t.n);
}

void office_title(struct archive *a, const char *member, struct outline *to)
{
	static const struct tag tags[] = { { "title", title_open, title_close } };
	static const struct tag_table table = { tags, ARRAY_LEN(tags), title_text };
	AUTO(buf) struct buf xml = { 0 };
	struct title title = { .inside = false };
	enum extract_verdict v = archive_read(a, member, &xml);

	if (v == EXTRACT_OK)
		v = tags_walk(buf_bytes(&xml), &table, &title);
	if (v == EXTRACT_NO_MEMORY || title.text.failed)
		to->text.failed = true;
	outline_title(to, buf_bytes(&title.text));
	buf_done(&title.text);
}
