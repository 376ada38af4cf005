/* charset.h - any text file's content as UTF-8, whatever it was written in.
 *
 * In this order: a byte order mark; UTF-8 if it is valid; the charset the document declares;
 * UTF-16 by its zeros; a guess by libuchardet from the first 64 kB; Windows-1252. Converted
 * by iconv, whose modules are files: see charset_warm().
 */
#pragma once

#include "base/buf.h"

/* Append as UTF-8. `declared`: a charset's name from the document or its envelope, in any
 * case; {NULL, 0}: none. Line ends become \n, NUL a space; what is no character U+FFFD. */
void charset_import(struct buf *to, struct bytes raw, struct bytes declared);

/* The charset a page or an XML document names in its first 1024 octets: <meta charset=…>,
 * <?xml encoding=…?>. Borrowed. */
struct bytes charset_declared(struct bytes raw);

/* Is it text in some charset? A NUL is in no text but UTF-16's and UTF-32's. */
MUST_USE bool charset_is_text(struct bytes raw);

/* Open every converter now and keep it: afterwards charset_import() needs no file. For a
 * process that gives up files before it reads a stranger's document; from then on only one
 * of its threads may import. Takes 1 to 3 ms. */
void charset_warm(void);
