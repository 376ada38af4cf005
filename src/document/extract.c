#include "document/extract.h"

#include <stdio.h>
#include <strings.h>

#include "base/json.h"
#include "document/charset.h"
#include "document/csv.h"
#include "document/docx.h"
#include "document/epub.h"
#include "document/gunzip.h"
#include "document/html.h"
#include "document/mail.h"
#include "document/markdown.h"
#include "document/odf.h"
#include "document/office.h"
#include "document/pdf.h"
#include "document/plain.h"
#include "document/pptx.h"
#include "document/records.h"
#include "document/tags.h"
#include "document/utf8.h"
#include "document/xlsx.h"

enum { INSIDE_MAX = 2 };

/* --- text in any character set --------------------------------------------------- */

static enum extract_verdict read_text(struct outline *out, struct bytes c,
				      void (*read)(struct outline *, struct bytes))
{
	AUTO(buf) struct buf text = { 0 };
	struct bytes mark = bytes_str("\xef\xbb\xbf");

	/* Nearly every file: nothing to convert, no copy. */
	if (bytes_starts(c, (const char *)mark.p))
		c = bytes_sub(c, mark.n, c.n - mark.n);
	if (utf8_valid(c) && !memchr(c.p, '\r', c.n) && !memchr(c.p, 0, c.n)) {
		read(out, c);
		return EXTRACT_OK;
	}
	charset_import(&text, c, (struct bytes){ 0 });
	read(out, buf_bytes(&text));
	return text.failed ? EXTRACT_NO_MEMORY : EXTRACT_OK;
}

static enum extract_verdict read_markdown(struct outline *out, struct bytes c)
{
	return read_text(out, c, markdown_read);
}

static void plain_without_pages(struct outline *out, struct bytes c)
{
	plain_read(out, c, 0);
}

static enum extract_verdict read_plain(struct outline *out, struct bytes c)
{
	return read_text(out, c, plain_without_pages);
}

static enum extract_verdict read_csv(struct outline *out, struct bytes c)
{
	return read_text(out, c, csv_read);
}

static enum extract_verdict read_html(struct outline *out, struct bytes c)
{
	return html_read(out, c) ? EXTRACT_OK : EXTRACT_MALFORMED;
}

static enum extract_verdict read_records(struct outline *out, struct bytes c,
					 enum extract_verdict (*read)(struct outline *, struct bytes))
{
	AUTO(buf) struct buf text = { 0 };

	charset_import(&text, c, (struct bytes){ 0 });
	return text.failed ? EXTRACT_NO_MEMORY : read(out, buf_bytes(&text));
}

static enum extract_verdict read_json(struct outline *out, struct bytes c)
{
	return read_records(out, c, records_read_json);
}

static enum extract_verdict read_jsonl(struct outline *out, struct bytes c)
{
	return read_records(out, c, records_read_lines);
}

/* --- which format ------------------------------------------------------------------ */

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

static bool looks_zip(struct bytes c)
{
	return c.n > 4 && memcmp(c.p, "PK\3\4", 4) == 0;
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

/* How far to trust what the content looks like and what the name says. */
enum trust {
	MARKED, /* the content bears a mark; without it a name that says so is wrong  */
	TOLD,   /* the name alone is believed                                         */
	GUESSED /* a glance may be wrong: if it cannot be read so, it is something else */
};

/* Content decides where it says what it is; otherwise the suffix; otherwise it is text. */
static const struct format {
	const char *type;
	const char *suffixes[8];
	bool (*looks)(struct bytes c); /* a glance at the start; NULL: cannot be told from text */
	enum trust trust;
	enum extract_verdict (*read)(struct outline *out, struct bytes c);
	enum extract_place place;
} formats[] = {
	/* clang-format off */
	{ "pdf", { ".pdf" }, looks_pdf, MARKED, pdf_read, EXTRACT_HERE },
	/* Which of the ZIP containers it is office_type() tells. */
	{ "docx", { ".docx", ".docm", ".dotx" }, looks_zip, MARKED, docx_read, EXTRACT_APART },
	{ "xlsx", { ".xlsx", ".xlsm", ".xltx" }, looks_zip, MARKED, xlsx_read, EXTRACT_APART },
	{ "odt", { ".odt", ".ott" }, looks_zip, MARKED, odf_read, EXTRACT_APART },
	{ "ods", { ".ods", ".ots" }, looks_zip, MARKED, odf_read, EXTRACT_APART },
	{ "odp", { ".odp", ".otp" }, looks_zip, MARKED, odf_read, EXTRACT_APART },
	{ "pptx", { ".pptx", ".pptm", ".potx", ".ppsx" }, looks_zip, MARKED, pptx_read, EXTRACT_APART },
	{ "epub", { ".epub" }, looks_zip, MARKED, epub_read, EXTRACT_APART },
	{ "html", { ".html", ".htm", ".xhtml" }, looks_html, TOLD, read_html, EXTRACT_APART },
	{ "eml", { ".eml", ".mht", ".mhtml" }, mail_looks, TOLD, mail_read, EXTRACT_APART },
	{ "jsonl", { ".jsonl", ".ndjson" }, records_look_json, GUESSED, read_jsonl, EXTRACT_APART },
	{ "json", { ".json", ".geojson" }, records_look_json, GUESSED, read_json, EXTRACT_APART },
	{ "csv", { ".csv", ".tsv", ".tab" }, NULL, TOLD, read_csv, EXTRACT_HERE },
	{ "markdown", { ".md", ".markdown", ".mkd", ".mdown" }, NULL, TOLD, read_markdown, EXTRACT_HERE },
	{ "text", { ".txt", ".text", ".rst", ".org", ".adoc" }, NULL, TOLD, read_plain, EXTRACT_HERE },
	/* clang-format on */
};
static const struct format *const plain_text = &formats[ARRAY_LEN(formats) - 1];

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

static const struct format *by_glance(struct bytes c)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (formats[i].looks && formats[i].looks(c))
			return &formats[i];
	return NULL;
}

static const struct format *by_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (strcmp(formats[i].type, type) == 0)
			return &formats[i];
	return NULL;
}

const char *extract_type(const char *type)
{
	const struct format *f = by_type(type);

	return f ? f->type : NULL;
}

/* Neither content nor name says more than that it is text, if it is. */
static const struct format *by_elimination(struct bytes c, const char *name)
{
	const struct format *f = by_name(name);

	if (f && f->trust == MARKED)
		return NULL;
	if (!charset_is_text(c))
		return NULL;
	return f && f->trust == TOLD ? f : plain_text;
}

bool extract_likely(const char *name)
{
	char inner[256];

	extract_inner_name(name, inner, sizeof(inner));
	return by_name(inner) != NULL;
}

void extract_inner_name(const char *name, char *to, size_t size)
{
	size_t n = strlen(name);

	snprintf(to, size, "%.*s", (int)MIN(has_suffix(name, ".gz") ? n - 3 : n, size - 1), name);
}

static bool is_gzip(struct bytes c)
{
	return c.n > 2 && c.p[0] == 0x1f && c.p[1] == 0x8b;
}

enum extract_place extract_where(struct bytes c, const char *name)
{
	if (c.n == 0 || c.n > EXTRACT_OUT_MAX)
		return EXTRACT_HERE;
	if (is_gzip(c))
		return EXTRACT_UNPACK;
	const struct format *f = by_glance(c);
	if (!f)
		f = by_elimination(c, name);
	/* What has to be converted first goes through libraries. */
	if (f && f->place == EXTRACT_HERE && f->trust == TOLD && !utf8_valid(c))
		return EXTRACT_APART;
	return f ? f->place : EXTRACT_HERE;
}

void extract_warm(void)
{
	charset_warm();
	tags_warm();
	json_object_seed(0); /* from /dev/urandom */
}

/* --- reading -------------------------------------------------------------------------- */

enum extract_verdict extract_say(char why[static EXTRACT_WHY], enum extract_verdict v, const char *name)
{
	static const char *const sentences[] = {
		[EXTRACT_OK] = "",
		[EXTRACT_EMPTY] = "holds no text",
		[EXTRACT_SCANNED] = "holds pictures of pages, no text; run it through OCR (such as ocrmypdf) first",
		[EXTRACT_BINARY] = ("is not a document that can be read (PDF, Word, Excel, PowerPoint, "
				    "OpenDocument, EPUB, HTML, Markdown, text, CSV, JSON, e-mail); skipped"),
		[EXTRACT_TOO_LARGE] = "is too large (the limit is 50 MB, 75 MB unpacked)",
		[EXTRACT_MALFORMED] = "is damaged or locked with a password",
		[EXTRACT_NO_TOOL] = "pdftotext is missing; install it with: apt install poppler-utils",
		[EXTRACT_TIMEOUT] = "takes longer than 20 s to read; skipped",
		[EXTRACT_NO_SANDBOX] = "is read only where the kernel has seccomp filters; this one has none",
		[EXTRACT_NO_MEMORY] = "not enough memory to read it",
	};

	snprintf(why, EXTRACT_WHY, "%.140s: %s", name, sentences[v]);
	return v;
}

static enum extract_verdict read_as(const struct format *f, struct bytes c, struct outline *out,
				    const char **type)
{
	size_t before = out->n_blocks;
	enum extract_verdict v = out->inside && f->looks == looks_pdf ? EXTRACT_NO_TOOL : f->read(out, c);

	if (out->text.failed)
		return EXTRACT_NO_MEMORY;
	if (out->full)
		return EXTRACT_TOO_LARGE;
	if (v == EXTRACT_OK && out->n_blocks == before)
		return f->looks == looks_pdf ? EXTRACT_SCANNED : EXTRACT_EMPTY;
	*type = f->type;
	return v;
}

static enum extract_verdict read_zip(struct bytes c, const char *name, struct outline *out,
				     const char **type)
{
	const char *kind = office_type(c);
	const struct format *f = kind ? by_type(kind) : NULL, *said = by_name(name);

	if (f)
		return read_as(f, c, out, type);
	return said && said->looks == looks_zip ? EXTRACT_MALFORMED : EXTRACT_BINARY;
}

static enum extract_verdict read_any(struct bytes c, const char *name, struct outline *out,
				     const char **type)
{
	if (looks_zip(c))
		return read_zip(c, name, out, type);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		const struct format *f = &formats[i];

		if (!f->looks || !f->looks(c))
			continue;
		enum extract_verdict v = read_as(f, c, out, type);
		if (f->trust != GUESSED || v != EXTRACT_MALFORMED)
			return v;
	}
	const struct format *f = by_elimination(c, name), *said = by_name(name);
	if (f)
		return read_as(f, c, out, type);
	return said && said->trust == MARKED ? EXTRACT_MALFORMED : EXTRACT_BINARY;
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

	extract_inner_name(name, inner, sizeof(inner));
	if (c.n == 0)
		v = EXTRACT_EMPTY;
	else if (c.n > EXTRACT_OUT_MAX) /* of a file that was packed; files have EXTRACT_IN_MAX */
		v = EXTRACT_TOO_LARGE;
	else if (is_gzip(c))
		v = read_gzip(c, inner, out, type);
	else
		v = read_any(c, name, out, type);
	return v == EXTRACT_OK ? v : extract_say(why, v, name);
}

enum extract_verdict extract_inside(struct bytes c, const char *name, struct outline *out, unsigned down)
{
	const char *type;

	if (c.n == 0)
		return EXTRACT_EMPTY;
	if (out->inside >= INSIDE_MAX)
		return EXTRACT_TOO_LARGE;
	out->inside++;
	out->shift += down;
	enum extract_verdict v = read_any(c, name, out, &type);
	out->shift -= down;
	out->inside--;
	return v;
}
