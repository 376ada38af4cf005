/* shown.h - a file's name as text that can be stored, sent and shown.
 *
 * A name is any octets but NUL and '/'. What is no character of UTF-8, what moves a cursor
 * and what turns the direction of writing becomes "%XX" for each octet, as in a URL; all else
 * stays as it is, a plain '%' too. So a name is valid UTF-8 of one line everywhere behind the
 * walk: in the store, in JSON, in a terminal, in a log.
 */
#pragma once

#include "base/buf.h"

/* Is it shown as it is? */
MUST_USE bool shown_plain(const char *name);
/* Append it as it is shown. */
void shown_put(struct buf *to, const char *name);
