/* shown.h - a file's name as text that can be stored, sent and shown.
 *
 * A name is any octets but NUL and '/'. What is no character of UTF-8, what moves a cursor
 * and what turns the direction of writing becomes "%XX" for each octet, as in a URL, and so
 * does a '%' that two hexadecimal digits follow; all else stays as it is. So behind the walk
 * a name is valid UTF-8 of one line everywhere (in the store, in JSON, in a terminal, in a
 * log), no two files have the same, and the file is found by it.
 */
#pragma once

#include "base/buf.h"

/* Append it as it is shown. */
void shown_put(struct buf *to, const char *name);
/* Append what was shown so: the name of the file. */
void shown_raw(struct buf *to, const char *shown);
