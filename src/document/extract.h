/* extract.h - a file's content into an outline: by what it holds first, by its name second.
 *
 * Blocks: call it on a worker. No network. Readers open no file, start no thread and no
 * program, but PDF's, which runs a child process of its own (child.h) with a temporary file;
 * so the others can run in a process that may do nothing else, once extract_warm() has
 * loaded what they need.
 */
#pragma once

#include "document/outline.h"

enum {
	EXTRACT_IN_MAX = 50 * 1024 * 1024, /* octets of a file                   */
	EXTRACT_OUT_MAX = OUTLINE_MAX,     /* octets of what it unpacks to       */
	EXTRACT_WHY = 320,
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
	EXTRACT_NO_SANDBOX,  /* the kernel cannot shut its reader in (no seccomp)       */
	EXTRACT_NO_MEMORY,
};

/* `name` is the file's name (its suffix counts, and it stands in the sentence). On any
 * verdict but EXTRACT_OK `why` holds a sentence for people. *type: "markdown", "html" … */
MUST_USE enum extract_verdict extract(struct bytes content, const char *name, struct outline *out,
				      const char **type, char why[static EXTRACT_WHY]);
/* The sentence for a verdict, into `why`; returns the verdict. */
enum extract_verdict extract_say(char why[static EXTRACT_WHY], enum extract_verdict v, const char *name);

/* Who may read it. */
enum extract_place {
	EXTRACT_HERE,   /* text, PDF (whose program has its own walls), what is refused at a glance */
	EXTRACT_APART,  /* a process that can do nothing else                                      */
	EXTRACT_UNPACK, /* such a process unpacks it (gzip); then this is asked again              */
};
MUST_USE enum extract_place extract_where(struct bytes content, const char *name);
/* Load now what readers would open files for: converters of character sets, libxml2's tables.
 * For a process that then gives up files; from then on only one thread of it may extract. */
void extract_warm(void);

/* For readers of documents that hold documents: read one into the same outline, its headings
 * `down` levels lower. What only a program of its own can read is EXTRACT_NO_TOOL; deeper
 * than two documents EXTRACT_TOO_LARGE. */
MUST_USE enum extract_verdict extract_inside(struct bytes content, const char *name, struct outline *out,
					     unsigned down);

/* The name of a kind as extract() would give it, from a copy of it; NULL: there is none. */
MUST_USE const char *extract_type(const char *type);
/* "policy.txt.gz" without its ".gz"; other names as they are. */
void extract_inner_name(const char *name, char *to, size_t size);
/* Does the name have a suffix of a document? Others are looked into only when named. */
MUST_USE bool extract_likely(const char *name);
