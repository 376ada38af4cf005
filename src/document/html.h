/* html.h - an HTML page's text and structure, by libxml2's forgiving parser.
 *
 * No network, no external entities. Menus, headers, footers, scripts and what Sphinx,
 * DocBook and the like put around a page are left out; where the page marks its main part
 * only that is read. Table rows become "header: cell; header: cell", definition lists
 * "term: definition". The only file that sees libxml2.
 */
#pragma once

#include "document/outline.h"

/* false: not even libxml2 could make something of it, or no memory (out->text.failed). */
MUST_USE bool html_read(struct outline *to, struct bytes raw);
