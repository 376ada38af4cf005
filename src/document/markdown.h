/* markdown.h - Markdown as readers see it (CommonMark and tables), into an outline.
 *
 * A block parser of our own: what matters here is the text and its structure, not HTML;
 * what it does not understand stays in the text as it is. Link targets, emphasis marks,
 * HTML tags, comments and front matter (but its title) go; table rows become
 * "header: cell; header: cell". Any octets are accepted.
 */
#pragma once

#include "document/outline.h"

void markdown_read(struct outline *to, struct bytes text);

/* One line's inline markup removed. Also for what other extractors meet. */
void markdown_inline(struct buf *to, struct bytes line);
