/* ignore.h - which entries of a folder are left out: patterns as in .gitignore.
 *
 * One pattern a line; blank lines and those that begin with '#' say nothing. '*' and '?' stand
 * for anything but '/', "[a-z]" for one of these, a part of two stars for any folders. A pattern with a '/' that is not
 * its last octet counts from the folder of its file, any other at every depth; one that
 * ends in '/' means folders. '!' takes back what an earlier pattern or a folder further up
 * said. The last that fits decides. What stands below a folder that is left out is not asked.
 */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"

enum { IGNORE_FILE_MAX = 64 * 1024, IGNORE_PATTERN_MAX = 512 };
#define IGNORE_FILE ".voicedignore"

struct ignore_rule;

/* The rules of one folder. Zero is none. */
struct ignore {
	const struct ignore *up; /* of the folders above, or NULL: borrowed */
	size_t n_folder;         /* octets of the folder's path, without a '/' at its end */
	struct ignore_rule *rules;
	size_t n, cap;
};

/* What is left out everywhere: hidden files, caches, what programs leave behind. */
extern const char ignore_defaults[];

/* Adds the patterns of a file's content; lines that are too long are passed over. 0 or -ENOMEM. */
MUST_USE int ignore_parse(struct ignore *g, struct arena *strings, struct bytes text);
void ignore_done(struct ignore *g);

/* path: absolute, of an entry below the folder; is it left out? */
MUST_USE bool ignore_says(const struct ignore *g, const char *path, bool is_folder);

/* Does the whole path fit the pattern ('*', '?', '[…]', '**')? */
MUST_USE bool glob_fits(const char *pattern, const char *path);
