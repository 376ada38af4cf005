#include "knowledge/extract.h"

#include <stdio.h>
#include <strings.h>

#include "knowledge/markdown.h"
#include "knowledge/plain.h"
#include "knowledge/utf8.h"

static enum extract_verdict read_markdown(struct bytes text, struct outline *out)
{
	markdown_read(out, text);
	return EXTRACT_OK;
}

static enum extract_verdict read_plain(struct bytes text, struct outline *out)
{
	plain_read(out, text, 0);
	return EXTRACT_OK;
}

static const struct format {
	const char *type;
	const char *const *suffixes;
	enum extract_verdict (*read)(struct bytes text, struct outline *out);
} formats[] = {
	{ "markdown", (const char *const[]){ ".md", ".markdown", ".mkd", ".mdown", NULL },
	  read_markdown },
	{ "text", (const char *const[]){ ".txt", ".text", ".rst", ".org", ".adoc", ".log", NULL },
	  read_plain },
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

bool extract_likely(const char *name)
{
	return by_name(name) != NULL;
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

static enum extract_verdict read_as(const struct format *f, struct bytes c, struct outline *out)
{
	AUTO(buf) struct buf text = { 0 };

	utf8_import(&text, c);
	if (text.failed)
		return EXTRACT_NO_MEMORY;
	enum extract_verdict v = f->read(buf_bytes(&text), out);
	if (v == EXTRACT_OK && out->text.failed)
		return EXTRACT_NO_MEMORY;
	return v == EXTRACT_OK && !out->text.n ? EXTRACT_EMPTY : v;
}

enum extract_verdict extract(struct bytes c, const char *name, struct outline *out,
			     const char **type, char why[static EXTRACT_WHY])
{
	if (c.n == 0)
		return say(why, EXTRACT_EMPTY, name);
	if (c.n > EXTRACT_IN_MAX)
		return say(why, EXTRACT_TOO_LARGE, name);
	if (is_binary(c))
		return say(why, EXTRACT_BINARY, name);
	const struct format *f = by_name(name);
	if (!f)
		f = &formats[1];
	enum extract_verdict v = read_as(f, c, out);
	if (v != EXTRACT_OK)
		return say(why, v, name);
	*type = f->type;
	return EXTRACT_OK;
}
