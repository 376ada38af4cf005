/* mcp_content.h - what an MCP tool answered, as one text.
 *
 * A CallToolResult holds content blocks (text, image, audio, resource, resource_link) and maybe
 * structuredContent (MCP 2025-06-18, server/tools). A model, and the API's mcp_call, has one text
 * for all: blocks one below the other, what is no text in brackets, and the structured content
 * where nothing else was said. Pure.
 */
#pragma once

#include "base/json.h"

enum { MCP_TEXT_MAX = 65536 };

/* Appends; longer text is cut between characters, with a note. */
void mcp_content_text(const json_t *result, struct buf *to);
/* Cuts what has been appended since `from` to MCP_TEXT_MAX octets, with a note. */
void mcp_content_cut(struct buf *b, size_t from);
/* Appends `text` as JSON text: itself where it is a JSON object or array, else a string. */
void mcp_content_json(const char *text, struct buf *to);
