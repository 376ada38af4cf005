/* extract.h - a file's content into an outline: by what it holds first, by its name second.
 *
 * Blocks (PDF runs a child process, child.h): call it on a worker. No network, no file but
 * the child's own temporary input.
 */
#pragma once

#include "knowledge/outline.h"

enum {
	EXTRACT_IN_MAX = 50 * 1024 * 1024,  /* octets of a file                   */
	EXTRACT_OUT_MAX = 75 * 1024 * 1024, /* octets of what it unpacks to       */
	EXTRACT_WHY = 320
};

enum extract_verdict {
	EXTRACT_OK,
	EXTRACT_EMPTY,       /* no octets, or no text in them                          */
	EXTRACT_SCANNED,     /* a PDF of pictures                                      */
	EXTRACT_BINARY,      /* no document: a picture, a program                      */
	EXTRACT_TOO_LARGE,   /* beyond EXTRACT_IN_MAX, EXTRACT_OUT_MAX or a bomb       */
	EXTRACT_MALFORMED,   /* broken, or locked with a password                      */
	EXTRACT_NO_TOOL,     /* pdftotext is missing: the sentence says what to install */
	EXTRACT_TIMEOUT,     /* took longer than a document should                     */
	EXTRACT_NO_MEMORY,
};

/* `name` is the file's name (its suffix counts, and it stands in the sentence). On any
 * verdict but EXTRACT_OK `why` holds a sentence for people. *type: "markdown", "html" … */
MUST_USE enum extract_verdict extract(struct bytes content, const char *name, struct outline *out,
				      const char **type, char why[static EXTRACT_WHY]);
/* Does the name have a suffix of a document? Others are looked into only when named. */
MUST_USE bool extract_likely(const char *name);
