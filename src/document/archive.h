/* archive.h - a ZIP container's members, read from memory (office files, EPUB).
 *
 * By libzip, whose only wrapper this is. Names are keys to look members up by, never paths
 * of files. Limits: ARCHIVE_MEMBERS members; EXTRACT_OUT_MAX octets unpacked over all reads
 * of one archive; each member at most 100 times its packed size once it is beyond 8 MB.
 */
#pragma once

#include "document/extract.h"

enum { ARCHIVE_MEMBERS = 50000 };

struct archive;

/* `zip` must outlive the archive. EXTRACT_OK, _MALFORMED, _TOO_LARGE or _NO_MEMORY. */
MUST_USE enum extract_verdict archive_open(struct bytes zip, struct archive **out);
void archive_free(struct archive *a);
AUTO_DEF(archive)

size_t archive_count(const struct archive *a);
/* A member's name, or "". Borrowed until archive_free(). */
const char *archive_name(const struct archive *a, size_t i);
bool archive_has(const struct archive *a, const char *name);
/* Append a member. EXTRACT_EMPTY: there is none of that name; EXTRACT_MALFORMED also when it
 * is locked with a password. */
MUST_USE enum extract_verdict archive_read(struct archive *a, const char *name, struct buf *to);
/* "a/b/../c.xml" from a member's folder and a reference in it; percent signs decoded, what
 * follows # cut off. "" when it leads outside. */
void archive_resolve(const char *base, struct bytes ref, struct buf *to);
