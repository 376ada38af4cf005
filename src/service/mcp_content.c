#include "service/mcp_content.h"

static void on_text(const json_t *block, struct buf *to)
{
	buf_puts(to, json_str(block, "text", ""));
}

/* base64 in `data`: 4 characters are 3 octets. */
static void on_media(const json_t *block, struct buf *to)
{
	buf_printf(to, "[%.20s: %.100s, %zu octets]", json_str(block, "type", ""),
		   json_str(block, "mimeType", "unknown type"),
		   json_string_length(json_object_get(block, "data")) / 4 * 3);
}

static void on_resource(const json_t *block, struct buf *to)
{
	const json_t *r = json_object_get(block, "resource");
	const char *text = json_str(r, "text", NULL);

	if (text)
		buf_puts(to, text);
	else
		buf_printf(to, "[resource: %.500s, %.100s]", json_str(r, "uri", ""),
			   json_str(r, "mimeType", "unknown type"));
}

static void on_link(const json_t *block, struct buf *to)
{
	buf_printf(to, "[%.200s](%.1000s)", json_str(block, "name", "link"), json_str(block, "uri", ""));
	if (json_str(block, "description", NULL))
		buf_printf(to, " %.1000s", json_str(block, "description", ""));
}

/* MCP 2025-06-18, server/tools: "Tool Result". What is not here is newer than we are. */
static const struct block_rule {
	const char *type;
	void (*write)(const json_t *block, struct buf *to);
} block_rules[] = {
	{ "text", on_text },	     { "image", on_media },	   { "audio", on_media },
	{ "resource", on_resource }, { "resource_link", on_link },
};

static void write_block(const json_t *block, struct buf *to)
{
	const char *type = json_str(block, "type", "");

	for (size_t i = 0; i < ARRAY_LEN(block_rules); i++)
		if (strcmp(block_rules[i].type, type) == 0) {
			block_rules[i].write(block, to);
			return;
		}
	buf_printf(to, "[%.40s]", type);
}

void mcp_content_cut(struct buf *b, size_t from)
{
	size_t n = b->n - from, end = from + MCP_TEXT_MAX;

	if (b->failed || n <= MCP_TEXT_MAX)
		return;
	while (end > from && (b->p[end] & 0xC0) == 0x80) /* inside a UTF-8 character */
		end--;
	b->n = end;
	b->p[end] = 0;
	buf_printf(b, "\n[cut here: the first %zu of %zu octets]", end - from, n);
}

void mcp_content_text(const json_t *result, struct buf *to)
{
	const json_t *content = json_object_get(result, "content");
	const json_t *structured = json_object_get(result, "structuredContent");
	size_t from = to->n;

	for (size_t i = 0; i < json_array_size(content) && to->n - from <= MCP_TEXT_MAX; i++) {
		if (to->n > from)
			buf_putc(to, '\n');
		write_block(json_array_get(content, i), to);
	}
	if (to->n == from && json_is_object(structured))
		json_write(to, structured);
	mcp_content_cut(to, from);
}

void mcp_content_json(const char *text, struct buf *to)
{
	char why[160];
	AUTO(json) json_t *v = *text == '{' || *text == '[' ? json_parse(bytes_str(text), why) : NULL;

	if (v)
		buf_puts(to, text);
	else
		json_quote(to, bytes_str(text));
}
