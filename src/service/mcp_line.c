#include "service/mcp_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 8192 };

struct parsing {
	struct mcp_line *l;
	char *why;
	bool is_file;
};

static int refuse(struct parsing *p, const char *what, const char *about)
{
	const char *name = p->is_file ? p->l->file : p->l->label;

	snprintf(p->why, MCP_LINE_WHY, "%s %.80s: %s%s%.80s", p->is_file ? "tools" : "mcp", name ? name : "", what,
		 about ? " " : "", about ? about : "");
	return -EINVAL;
}

static int no_memory(struct parsing *p)
{
	snprintf(p->why, MCP_LINE_WHY, "out of memory");
	return -ENOMEM;
}

/* --- words --------------------------------------------------------------------------------------- */

static const char spaces[] = " \t\r\n";

/* One octet inside a word; the quote that is open, or 0. */
static const char *word_octet(const char *s, char *quote, char **to)
{
	if (*quote ? *s == *quote : *s == '\'' || *s == '"')
		*quote = *quote ? 0 : *s;
	else if (*s == '\\' && *quote != '\'' && s[1])
		*(*to)++ = *++s;
	else
		*(*to)++ = *s;
	return s + 1;
}

/* The next word, or NULL in *out at the end. -EINVAL: a quote stays open. */
static int next_word(struct parsing *p, const char **at, const char **out)
{
	const char *s = *at + strspn(*at, spaces);
	char quote = 0, *word, *to;

	*out = NULL;
	if (!*s)
		return 0;
	word = to = arena_alloc(&p->l->arena, strlen(s) + 1);
	if (!word)
		return no_memory(p);
	while (*s && (quote || !strchr(spaces, *s)))
		s = word_octet(s, &quote, &to);
	if (quote)
		return refuse(p, "a quote is not closed", NULL);
	*to = 0;
	*at = s;
	*out = word;
	return 0;
}

/* --- values ---------------------------------------------------------------------------------------- */

static int set_text(struct parsing *p, const char **to, const char *v)
{
	if (!*v)
		return refuse(p, "there is a word without its value", NULL);
	*to = v;
	return 0;
}

static int add_field(struct parsing *p, const char *field)
{
	if (!field)
		return no_memory(p);
	if (p->l->n_fields == MCP_LINE_FIELDS)
		return refuse(p, "more headers than are possible", NULL);
	if (!strchr(field, ':') || strpbrk(field, "\r\n"))
		return refuse(p, "a header is 'Name: value'", NULL);
	p->l->fields[p->l->n_fields++] = field;
	return 0;
}

static int on_key(struct parsing *p, const char *v)
{
	return add_field(p, arena_printf(&p->l->arena, "Authorization: Bearer %s", v));
}

static int on_key_env(struct parsing *p, const char *v)
{
	const char *key = getenv(v);

	return key ? on_key(p, key) : refuse(p, "the environment has no", v);
}

static int on_key_file(struct parsing *p, const char *v)
{
	char text[FILE_MAX];
	FILE *f = fopen(v, "r");

	if (!f)
		return refuse(p, "cannot be read:", v);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	while (n && strchr(spaces, text[n - 1]))
		n--;
	text[n] = 0;
	return n ? on_key(p, text) : refuse(p, "nothing is in", v);
}

/* "NAME: $OTHER" and "NAME=$OTHER": the value of OTHER here. */
static const char *filled(struct parsing *p, const char *v, int *r)
{
	const char *dollar = strchr(v, '$');

	if (!dollar || dollar == v || !strchr("=: ", dollar[-1]))
		return v;
	const char *value = getenv(dollar + 1);
	if (!value) {
		*r = refuse(p, "the environment has no", dollar + 1);
		return NULL;
	}
	const char *whole = arena_printf(&p->l->arena, "%.*s%s", (int)(dollar - v), v, value);
	*r = whole ? 0 : no_memory(p);
	return whole;
}

static int on_header(struct parsing *p, const char *v)
{
	int r = 0;
	const char *field = filled(p, v, &r);

	return field ? add_field(p, field) : r;
}

static int on_env(struct parsing *p, const char *v)
{
	int r = 0;
	const char *pair = filled(p, v, &r);

	if (!pair)
		return r;
	if (!strchr(pair, '=') || *pair == '=')
		return refuse(p, "env= wants NAME=value", NULL);
	if (p->l->n_environment + 1 >= MCP_LINE_WORDS)
		return refuse(p, "more of env= than is possible", NULL);
	p->l->environment[p->l->n_environment++] = pair;
	return 0;
}

static int on_timeout(struct parsing *p, const char *v)
{
	char *end;
	unsigned long s = strtoul(v, &end, 10);

	if (*v < '0' || *v > '9' || *end || s < 1 || s > 600)
		return refuse(p, "timeout= wants seconds, 1 to 600", NULL);
	p->l->time_ms = (unsigned)s * 1000;
	return 0;
}

static int on_url(struct parsing *p, const char *v)
{
	if (!p->is_file || (strncmp(v, "http://", 7) != 0 && strncmp(v, "https://", 8) != 0))
		return refuse(p, "url= wants the URL of a file's service", NULL);
	return set_text(p, &p->l->url, v);
}

static int on_allow(struct parsing *p, const char *v) { return set_text(p, &p->l->allow, v); }
static int on_reads(struct parsing *p, const char *v) { return set_text(p, &p->l->reads, v); }
static int on_acts(struct parsing *p, const char *v) { return set_text(p, &p->l->acts, v); }
static int on_unasked(struct parsing *p, const char *v) { return set_text(p, &p->l->unasked, v); }
static int on_idle(struct parsing *p, const char *v) { return set_text(p, &p->l->idle, v); }
static int on_silent(struct parsing *p, const char *v) { return set_text(p, &p->l->silent, v); }
static int on_filler(struct parsing *p, const char *v) { return set_text(p, &p->l->filler, v); }

static const struct word_rule {
	const char *name;
	int (*take)(struct parsing *p, const char *value);
} word_rules[] = {
	{ "allow", on_allow },	     { "reads", on_reads },	{ "acts", on_acts },
	{ "unasked", on_unasked },   { "idle", on_idle },	{ "silent", on_silent },
	{ "filler", on_filler },     { "timeout", on_timeout }, { "key", on_key },
	{ "key-env", on_key_env },   { "key-file", on_key_file }, { "header", on_header },
	{ "env", on_env },	     { "url", on_url },
};

/* 1: it was one of our words. */
static int take_rule(struct parsing *p, const char *word)
{
	size_t n = strcspn(word, "=");

	for (size_t i = 0; word[n] && i < ARRAY_LEN(word_rules); i++)
		if (strlen(word_rules[i].name) == n && memcmp(word, word_rules[i].name, n) == 0) {
			int r = word_rules[i].take(p, word + n + 1);

			return r < 0 ? r : 1;
		}
	return 0;
}

/* --- the line ----------------------------------------------------------------------------------------- */

static bool is_url(const char *word)
{
	return strncmp(word, "http://", 7) == 0 || strncmp(word, "https://", 8) == 0;
}

static int take_word(struct parsing *p, const char *word)
{
	struct mcp_line *l = p->l;
	int r = l->n_argv ? 0 : take_rule(p, word); /* what follows the program is the program's */

	if (r != 0)
		return r < 0 ? r : 0;
	if (l->url)
		return refuse(p, "after the URL only words name=value may follow", NULL);
	if (!l->n_argv && is_url(word)) {
		l->url = word;
		return 0;
	}
	if (l->n_argv + 1 >= MCP_LINE_WORDS)
		return refuse(p, "more arguments than are possible", NULL);
	l->argv[l->n_argv++] = word;
	return 0;
}

static int take_label(struct parsing *p, const char *word)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

	if (!word || strlen(word) > MCP_LABEL_MAX || strspn(word, letters) != strlen(word))
		return refuse(p, "begins with a label of letters, digits, _ and -, then a URL or a program", NULL);
	p->l->label = word;
	return 0;
}

static int parse(struct parsing *p, const char *at)
{
	const char *word;
	int r = next_word(p, &at, &word);

	if (r == 0)
		r = take_label(p, word);
	while (r == 0 && (r = next_word(p, &at, &word)) == 0 && word)
		r = take_word(p, word);
	if (r == 0 && !p->l->url && !p->l->n_argv)
		r = refuse(p, "neither a URL nor a program is named", NULL);
	if (r == 0 && p->l->n_fields && !p->l->url)
		r = refuse(p, "a program takes env=, not a key or a header", NULL);
	return r;
}

static int parse_file(struct parsing *p, const char *at)
{
	const char *word;
	int r, rule;

	while ((r = next_word(p, &at, &word)) == 0 && word) {
		rule = take_rule(p, word);
		if (rule < 0)
			return rule;
		if (rule == 0 && p->l->file)
			return refuse(p, "after the file only words name=value may follow", NULL);
		if (rule == 0)
			p->l->file = word;
	}
	return r == 0 && !p->l->file ? refuse(p, "no file is named", NULL) : r;
}

static int parse_as(struct mcp_line *to, const char *line, bool is_file, char why[static MCP_LINE_WHY])
{
	struct mcp_line l = { 0 };
	struct parsing p = { &l, why, is_file };
	int r = is_file ? parse_file(&p, line) : parse(&p, line);

	if (r == 0)
		*to = l;
	else
		mcp_line_done(&l);
	return r;
}

int mcp_line_parse(struct mcp_line *to, const char *line, char why[static MCP_LINE_WHY])
{
	return parse_as(to, line, false, why);
}

int mcp_line_parse_file(struct mcp_line *to, const char *line, char why[static MCP_LINE_WHY])
{
	return parse_as(to, line, true, why);
}

void mcp_line_done(struct mcp_line *l)
{
	arena_done(&l->arena);
}

bool mcp_line_has(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = names; s && *s; s += *s == ',') {
		size_t k = strcspn(s, ",");

		if ((k == n && memcmp(s, name, n) == 0) || (k == 1 && *s == '*'))
			return true;
		s += k;
	}
	return false;
}
