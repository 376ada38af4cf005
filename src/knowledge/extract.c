#include "knowledge/extract.h"

#include <stdio.h>
#include <strings.h>

#include "knowledge/gunzip.h"
#include "knowledge/html.h"
#include "knowledge/markdown.h"
#include "knowledge/pdf.h"
#include "knowledge/plain.h"
#include "knowledge/utf8.h"

static enum extract_verdict read_markdown(struct outline *out, struct bytes c)
{
	AUTO(buf) struct buf text = { 0 };

	utf8_import(&text, c);
	markdown_read(out, buf_bytes(&text));
	return text.failed ? EXTRACT_NO_MEMORY : EXTRACT_OK;
}

static enum extract_verdict read_plain(struct outline *out, struct bytes c)
{
	AUTO(buf) struct buf text = { 0 };

	utf8_import(&text, c);
	plain_read(out, buf_bytes(&text), 0);
	return text.failed ? EXTRACT_NO_MEMORY : EXTRACT_OK;
}

static enum extract_verdict read_html(struct outline *out, struct bytes c)
{
	return html_read(out, c) ? EXTRACT_OK : EXTRACT_MALFORMED;
}

static bool skip_space(struct bytes *c)
{
	while (c->n && (c->p[0] <= ' ' || c->p[0] == 0xef || c->p[0] == 0xbb || c->p[0] == 0xbf))
		*c = bytes_sub(*c, 1, c->n - 1);
	return c->n > 0;
}

/* PDF readers look for the mark in the first kilobyte (ISO 32000-1, annex H, note 13). */
static bool looks_pdf(struct bytes c)
{
	return memmem(c.p, MIN(c.n, (size_t)1024), "%PDF-", 5) != NULL;
}

static bool looks_html(struct bytes c)
{
	static const char *const starts[] = { "<!doctype html", "<html", "<head", "<body", "<?xml" };

	skip_space(&c);
	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (c.n >= strlen(starts[i]) &&
		    strncasecmp((const char *)c.p, starts[i], strlen(starts[i])) == 0)
			return i < 4 || memmem(c.p, MIN(c.n, (size_t)1024), "<html", 5);
	return false;
}

/* Content decides where it says what it is; otherwise the suffix; otherwise it is text. */
static const struct format {
	const char *type;
	const char *suffixes[8];
	bool (*looks)(struct bytes c); /* NULL: cannot be told from text */
	enum extract_verdict (*read)(struct outline *out, struct bytes c);
} formats[] = {
	{ "pdf", { ".pdf" }, looks_pdf, pdf_read },
	{ "html", { ".html", ".htm", ".xhtml" }, looks_html, read_html },
	{ "markdown", { ".md", ".markdown", ".mkd", ".mdown" }, NULL, read_markdown },
	{ "text", { ".txt", ".text", ".rst", ".org", ".adoc" }, NULL, read_plain },
};

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && strcasecmp(name + n - k, suffix) == 0;
}

static const struct format *by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		for (const char *const *s = formats[i].suffixes; *s; s++)
			if (has_suffix(name, *s))
				return &formats[i];
	return NULL;
}

static const struct format *by_content(struct bytes c)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (formats[i].looks && formats[i].looks(c))
			return &formats[i];
	return NULL;
}

/* "policy.txt.gz" without its ".gz". */
static bool inner_name(const char *name, char to[static 256])
{
	if (!has_suffix(name, ".gz"))
		return false;
	snprintf(to, 256, "%.*s", (int)MIN(strlen(name) - 3, (size_t)250), name);
	return true;
}

bool extract_likely(const char *name)
{
	char inner[256];

	return by_name(inner_name(name, inner) ? inner : name) != NULL;
}

/* A NUL is in no text but UTF-16's. */
static bool is_binary(struct bytes c)
{
	bool utf16 = c.n >= 2 && ((c.p[0] == 0xff && c.p[1] == 0xfe) ||
				  (c.p[0] == 0xfe && c.p[1] == 0xff));

	return !utf16 && memchr(c.p, 0, MIN(c.n, (size_t)65536));
}

static enum extract_verdict say(char why[static EXTRACT_WHY], enum extract_verdict v,
				const char *name)
{
	static const char *const sentences[] = {
		[EXTRACT_OK] = "",
		[EXTRACT_EMPTY] = "holds no text",
		[EXTRACT_SCANNED] = "holds pictures of pages, no text; run it through OCR (such as ocrmypdf) first",
		[EXTRACT_BINARY] = "is not a text, Markdown, HTML or PDF document; skipped",
		[EXTRACT_TOO_LARGE] = "is too large (the limit is 50 MB, 75 MB unpacked)",
		[EXTRACT_MALFORMED] = "is damaged or locked with a password",
		[EXTRACT_NO_TOOL] = "pdftotext is missing; install it with: apt install poppler-utils",
		[EXTRACT_TIMEOUT] = "takes too long to read; skipped",
		[EXTRACT_NO_MEMORY] = "not enough memory to read it",
	};

	snprintf(why, EXTRACT_WHY, "%.160s: %s", name, sentences[v]);
	return v;
}

/* One layer of compression, then what is inside. */
static enum extract_verdict read_any(struct bytes c, const char *name, struct outline *out,
				     const char **type)
{
	const struct format *f = by_content(c);

	if (!f && is_binary(c))
		return EXTRACT_BINARY;
	if (!f)
		f = by_name(name);
	/* What is called .pdf and is none is no text either. */
	if (f && f->looks == looks_pdf && !looks_pdf(c))
		return EXTRACT_MALFORMED;
	if (!f)
		f = &formats[ARRAY_LEN(formats) - 1];
	enum extract_verdict v = f->read(out, c);
	if (out->text.failed)
		return EXTRACT_NO_MEMORY;
	if (v == EXTRACT_OK && !out->text.n)
		return f->looks == looks_pdf ? EXTRACT_SCANNED : EXTRACT_EMPTY;
	*type = f->type;
	return v;
}

static enum extract_verdict read_gzip(struct bytes c, const char *name, struct outline *out,
				      const char **type)
{
	AUTO(buf) struct buf inner = { 0 };

	switch (gunzip(c, EXTRACT_OUT_MAX, &inner)) {
	case GUNZIP_OK:
		break;
	case GUNZIP_MALFORMED:
		return EXTRACT_MALFORMED;
	case GUNZIP_TOO_LARGE:
		return EXTRACT_TOO_LARGE;
	case GUNZIP_NO_MEMORY:
		return EXTRACT_NO_MEMORY;
	}
	return inner.n ? read_any(buf_bytes(&inner), name, out, type) : EXTRACT_EMPTY;
}

enum extract_verdict extract(struct bytes c, const char *name, struct outline *out,
			     const char **type, char why[static EXTRACT_WHY])
{
	char inner[256];
	enum extract_verdict v;

	if (c.n == 0)
		v = EXTRACT_EMPTY;
	else if (c.n > EXTRACT_IN_MAX)
		v = EXTRACT_TOO_LARGE;
	else if (c.n > 2 && c.p[0] == 0x1f && c.p[1] == 0x8b)
		v = read_gzip(c, inner_name(name, inner) ? inner : name, out, type);
	else
		v = read_any(c, name, out, type);
	return v == EXTRACT_OK ? v : say(why, v, name);
}
