#include "document/tags.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <limits.h>

struct tags {
	const struct tag_table *table;
	void *ctx;
	xmlParserCtxtPtr parser;
	const xmlChar **attributes; /* five pointers each: name, prefix, URI, value, its end */
	int n_attributes;
	unsigned depth, skip_from; /* skip_from: depth of the element that is skipped; 0: none */
	bool stopped;
	bool apart, in_text; /* apart: only what stands in elements that hold text is wanted */
};

static const struct tag *find(const struct tags *t, const xmlChar *name)
{
	const char *s = (const char *)name;

	for (size_t i = 0; i < t->table->n; i++)
		if (t->table->tag[i].name[0] == s[0] && strcmp(t->table->tag[i].name, s) == 0)
			return &t->table->tag[i];
	return NULL;
}

static void on_open(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
		    int n_namespaces, const xmlChar **namespaces, int n_attributes, int n_defaulted,
		    const xmlChar **attributes)
{
	struct tags *t = ctx;

	(void)prefix, (void)uri, (void)n_namespaces, (void)namespaces, (void)n_defaulted;
	t->depth++;
	if (t->skip_from || t->stopped)
		return;
	const struct tag *tag = find(t, name);
	if (!tag || !tag->open)
		return;
	t->attributes = attributes;
	t->n_attributes = n_attributes;
	tag->open(t->ctx, t);
	t->n_attributes = 0;
}

static void on_close(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct tags *t = ctx;
	unsigned depth = t->depth--;

	(void)prefix, (void)uri;
	if (t->stopped)
		return;
	if (t->skip_from) {
		if (depth == t->skip_from)
			t->skip_from = 0;
		return;
	}
	const struct tag *tag = find(t, name);
	if (tag && tag->close)
		tag->close(t->ctx, t);
}

static void on_text(void *ctx, const xmlChar *s, int n)
{
	struct tags *t = ctx;

	if (t->table->text && !t->skip_from && !t->stopped && (!t->apart || t->in_text))
		t->table->text(t->ctx, bytes_of(s, (size_t)n));
}

/* What a document declares itself is never looked up. */
static xmlEntityPtr only_predefined(void *ctx, const xmlChar *name)
{
	(void)ctx;
	return xmlGetPredefinedEntity(name);
}

struct bytes tags_attr(const struct tags *t, const char *name)
{
	for (int i = 0; i < t->n_attributes; i++) {
		const xmlChar **a = t->attributes + (size_t)i * 5;

		if (strcmp((const char *)a[0], name) == 0)
			return bytes_of(a[3], (size_t)(a[4] - a[3]));
	}
	return (struct bytes){ 0 };
}

struct bytes tags_attr_last(const struct tags *t, const char *name)
{
	struct bytes found = { 0 };

	for (int i = 0; i < t->n_attributes; i++) {
		const xmlChar **a = t->attributes + (size_t)i * 5;

		if (strcmp((const char *)a[0], name) == 0)
			found = bytes_of(a[3], (size_t)(a[4] - a[3]));
	}
	return found;
}

bool tags_attr_is(const struct tags *t, const char *name, const char *value)
{
	return bytes_is(tags_attr(t, name), value);
}

long tags_attr_int(const struct tags *t, const char *name, long fallback)
{
	struct bytes v = tags_attr(t, name);
	bool minus = v.n && v.p[0] == '-';
	long n = 0;

	for (size_t i = minus; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9' || i > 9)
			return fallback;
		n = n * 10 + (v.p[i] - '0');
	}
	return v.n > minus ? (minus ? -n : n) : fallback;
}

void tags_skip(struct tags *t)
{
	t->skip_from = t->depth;
}

void tags_skip_it(void *ctx, struct tags *t)
{
	(void)ctx;
	tags_skip(t);
}

void tags_text_open(void *ctx, struct tags *t)
{
	(void)ctx;
	t->in_text = true;
}

void tags_text_close(void *ctx, struct tags *t)
{
	(void)ctx;
	t->in_text = false;
}

void tags_stop(struct tags *t)
{
	t->stopped = true;
	xmlStopParser(t->parser);
}

void tags_warm(void)
{
	xmlInitParser();
}

/* libxml2 would write to standard error, even when told not to. */
static void hush(void *ctx, xmlErrorPtr error)
{
	(void)ctx, (void)error;
}

enum extract_verdict tags_walk(struct bytes xml, const struct tag_table *table, void *ctx)
{
	struct tags t = { .table = table, .ctx = ctx };

	for (size_t i = 0; i < table->n; i++)
		t.apart |= table->tag[i].open == tags_text_open;
	if (!xml.n || xml.n > INT_MAX)
		return EXTRACT_MALFORMED;
	xmlSetStructuredErrorFunc(NULL, hush); /* of this thread */
	t.parser = xmlCreateMemoryParserCtxt((const char *)xml.p, (int)xml.n);
	if (!t.parser)
		return EXTRACT_NO_MEMORY;
	*t.parser->sax = (xmlSAXHandler){
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_open,
		.endElementNs = on_close,
		.characters = on_text,
		.ignorableWhitespace = on_text,
		.cdataBlock = on_text,
		.getEntity = only_predefined,
	};
	t.parser->userData = &t;
	/* NOENT: "&amp;" in an attribute is "&", not "&#38;"; see only_predefined(). */
	xmlCtxtUseOptions(t.parser, XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_NOERROR |
					    XML_PARSE_NOWARNING);
	xmlParseDocument(t.parser);
	bool good = t.stopped || t.parser->wellFormed;
	bool no_memory = t.parser->errNo == XML_ERR_NO_MEMORY;
	xmlFreeDoc(t.parser->myDoc);
	t.parser->myDoc = NULL;
	xmlFreeParserCtxt(t.parser);
	return no_memory ? EXTRACT_NO_MEMORY : good ? EXTRACT_OK : EXTRACT_MALFORMED;
}
