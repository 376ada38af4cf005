/* records.h - JSON (RFC 8259) and JSON Lines into headings and rows.
 *
 * An object's plain values are rows "key: value", those that hold more become a heading by
 * their key with what is in them below. An array of plain values is one row, an array of
 * objects a record each: one row "name: Tea; price: 3; maker.city: Assam", or, where a text
 * in it is long, a heading (its title, name or id) with paragraphs.
 */
#pragma once

#include "document/extract.h"

/* Does it look like an object or array, or like lines of them? A glance at the start. */
MUST_USE bool records_look_json(struct bytes text);

/* `text` is UTF-8. EXTRACT_MALFORMED: it is not JSON (or deeper than 64), nothing was added. */
MUST_USE enum extract_verdict records_read_json(struct outline *to, struct bytes text);
/* A record per line; a line that is no JSON stays as it is. EXTRACT_MALFORMED: the first two
 * are not both JSON, or there is only one; nothing was added. */
MUST_USE enum extract_verdict records_read_lines(struct outline *to, struct bytes text);
