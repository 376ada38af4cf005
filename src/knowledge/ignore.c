#include "knowledge/ignore.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

struct ignore_rule {
	const char *pattern;
	bool takes_back, only_folders, anchored;
};

const char ignore_defaults[] =
	".*\n"
	"node_modules/\n__pycache__/\nlost+found/\n"
	"_sources/\n_static/\n" /* Sphinx's copies of the pages */
	"~$*\n*~\n#*#\n*.tmp\n*.part\n*.crdownload\n";

/* --- patterns ------------------------------------------------------------------------------ */

/* "[a-z]", "[!a]" or "[^a]" against one octet; *p: behind it. A '[' without an end is itself. */
static bool fits_set(const char **p, char c)
{
	const char *s = *p + 1;
	bool not = *s == '!' || *s == '^', in = false;
	const char *first = s += not;

	for (; *s && (*s != ']' || s == first); s++) {
		if (*s == '\\' && s[1])
			s++;
		char from = *s, to = from;
		if (s[1] == '-' && s[2] && s[2] != ']') {
			to = s[2];
			s += 2;
		}
		in |= c >= from && c <= to;
	}
	if (!*s) {
		(*p)++;
		return c == '[';
	}
	*p = s + 1;
	return c != '/' && in != not;
}

/* One element of the pattern that stands for exactly one octet. */
static bool fits_one(const char **p, char c)
{
	if (**p == '[')
		return fits_set(p, c);
	if (**p == '\\' && (*p)[1])
		(*p)++;
	else if (**p == '?')
		return (*p)++, c != '/';
	return *(*p)++ == c;
}

/* A star that has taken so much of the path; it may have to take more. */
struct star {
	const char *p, *s; /* behind the star; what is left to it. p == NULL: none */
};

/* The last star takes one more, or the last "**" one more folder. */
static bool take_more(struct star *one, struct star *folders, const char **p, const char **s)
{
	if (one->p && *one->s && *one->s != '/') {
		*p = one->p;
		*s = ++one->s;
		return true;
	}
	const char *slash = folders->p ? strchr(folders->s, '/') : NULL;
	if (!slash)
		return false;
	one->p = NULL;
	*p = folders->p;
	*s = folders->s = slash + 1;
	return true;
}

bool glob_fits(const char *p, const char *s)
{
	const char *start = p;
	struct star one = { 0 }, folders = { 0 };

	for (;;) {
		bool part = p == start || p[-1] == '/';

		if (part && strcmp(p, "**") == 0)
			return *s != 0;
		if (part && strncmp(p, "**/", 3) == 0) {
			folders = (struct star){ p += 3, s };
			one.p = NULL;
			continue;
		}
		if (*p == '*') {
			one = (struct star){ p += strspn(p, "*"), s };
			continue;
		}
		if (!*p && !*s)
			return true;
		if (*p && *s && fits_one(&p, *s)) {
			s++;
			continue;
		}
		if (!take_more(&one, &folders, &p, &s))
			return false;
	}
}

/* --- rules --------------------------------------------------------------------------------- */

static int add_line(struct ignore *g, struct arena *strings, struct bytes line)
{
	struct ignore_rule r = { 0 };

	while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' ') &&
	       !(line.n > 1 && line.p[line.n - 2] == '\\'))
		line.n--;
	if (!line.n || line.p[0] == '#' || line.n > IGNORE_PATTERN_MAX || memchr(line.p, 0, line.n))
		return 0;
	r.takes_back = line.p[0] == '!';
	line = bytes_sub(line, r.takes_back, line.n - r.takes_back);
	r.only_folders = line.n && line.p[line.n - 1] == '/';
	line.n -= r.only_folders;
	r.anchored = memchr(line.p, '/', line.n) != NULL;
	if (line.n && line.p[0] == '/')
		line = bytes_sub(line, 1, line.n - 1);
	if (!line.n)
		return 0;
	r.pattern = arena_strndup(strings, (const char *)line.p, line.n);
	if (!r.pattern || !mem_grow(&g->rules, &g->cap, g->n, sizeof(*g->rules)))
		return -ENOMEM;
	g->rules[g->n++] = r;
	return 0;
}

int ignore_parse(struct ignore *g, struct arena *strings, struct bytes text)
{
	int r = 0;

	while (r == 0 && text.n) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;

		r = add_line(g, strings, bytes_sub(text, 0, n));
		n += end != NULL;
		text = bytes_sub(text, n, text.n - n);
	}
	return r;
}

void ignore_done(struct ignore *g)
{
	mem_free(g->rules);
	*g = (struct ignore){ 0 };
}

bool ignore_says(const struct ignore *g, const char *path, bool is_folder)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (; g; g = g->up)
		for (size_t i = g->n; i-- > 0;) {
			const struct ignore_rule *r = &g->rules[i];

			if ((!r->only_folders || is_folder) &&
			    glob_fits(r->pattern, r->anchored ? path + g->n_folder + 1 : name))
				return !r->takes_back;
		}
	return false;
}
