/* mail.h - an e-mail (.eml, RFC 5322 and MIME) into an outline.
 *
 * The subject is title and heading; from, to and date one row. Of alternatives the plain text
 * is read, HTML where there is none; attachments of kinds that can be read follow below a
 * heading with their name, up to 5 MB each; others are named.
 */
#pragma once

#include "document/extract.h"

/* A glance at the first lines: are they fields that only mail has? */
MUST_USE bool mail_looks(struct bytes raw);
MUST_USE enum extract_verdict mail_read(struct outline *to, struct bytes raw);
