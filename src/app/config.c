#include "app/config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

enum kind { TEXT, LIST, NUMBER, FLAG };
/* Beside the commands: a flag, never in a file or the environment; and the other way round. */
enum { BY_HAND = BIT(15), SECRET = BIT(14), SERVICE = BIT(13) }; /* SERVICE: no key=… in a flag's value */
enum { CMD_TALK = CMD_SERVE | CMD_ASK | CMD_EVAL | CMD_DOCTOR };
enum { CMD_EMBED = CMD_SERVE | CMD_INGEST | CMD_SEARCH | CMD_ASK | CMD_EVAL };

/* clang-format off */
static const struct key {
	const char *name;    /* --name, name = … in the file; VOICED_NAME with _ for - */
	unsigned commands;
	enum kind kind;
	size_t offset;
	const char *value;   /* how --help names the value */
	const char *help;
} keys[] = {
#define AT(field) offsetof(struct config, field)
	{ "data",         CMD_ALL,    TEXT,   AT(data),          "DIR",   "where everything is kept (default: $XDG_DATA_HOME/voiced)" },
	{ "config",       CMD_ALL,    TEXT,   AT(file),          "FILE",  "read `name = value` lines from FILE first" },
	{ "log-level",    CMD_ALL,    TEXT,   AT(log_level),     "LEVEL", "error, warn, info or debug (default: info)" },
	{ "collection",   CMD_SERVE | CMD_INGEST | CMD_SEARCH | CMD_ASK | CMD_EVAL | CMD_DOCUMENTS, TEXT, AT(collection), "NAME", "the collection of documents (default: default)" },
	{ "group",        CMD_SERVE | CMD_SEARCH | CMD_ASK | CMD_EVAL, LIST, AT(groups), "NAME", "only what is labelled so, or not at all; may be repeated (default: everything)" },
	{ "label",        CMD_SERVE | CMD_INGEST | CMD_DOCUMENTS, LIST, AT(labels), "NAME", "label the documents: for this group only; may be repeated" },
	{ "mode",         CMD_SERVE | CMD_SEARCH | CMD_ASK | CMD_EVAL, TEXT, AT(mode), "MODE", "find by text, vector or hybrid (default: hybrid)" },
	{ "against",      CMD_EVAL | BY_HAND, TEXT, AT(against), "WHAT", "and once more with 'name=value ...' or a configuration FILE" },
	{ "listen",       CMD_SERVE,  TEXT,   AT(listen),        "ADDR:PORT", "one port for all of it, TCP and UDP (default: 127.0.0.1:8080)" },
	{ "docs",         CMD_SERVE,  LIST,   AT(docs),          "DIR",   "read this folder and follow what happens in it; may be repeated" },
	{ "key",          CMD_SERVE | CMD_TOKEN, TEXT, AT(key),    "KEY",   "the key that clients must show; required off loopback" },
	{ "cert",         CMD_SERVE,  TEXT,   AT(cert),          "FILE",  "certificate chain (PEM) in place of the self-signed one" },
	{ "cert-key",     CMD_SERVE,  TEXT,   AT(cert_key),      "FILE",  "its private key (PEM)" },
	{ "host",         CMD_SERVE,  LIST,   AT(hosts),         "NAME",  "a host name under which this server is reached; may be repeated" },
	{ "allow-origin", CMD_SERVE,  LIST,   AT(allow_origins), "URL",   "let pages from this origin in; may be repeated" },
	{ "questions",    CMD_SERVE,  TEXT,   AT(questions),     "FILE",  "questions that the page suggests, one a line" },
	{ "record",       CMD_SERVE,  TEXT,   AT(record),        "DIR",   "record sessions, audio included, into DIR" },
	{ "loops",        CMD_SERVE,  NUMBER, AT(loops),         "N",     "event loops (default: one per core)" },
	{ "decoders",     CMD_SERVE | CMD_ASK | CMD_EVAL, NUMBER, AT(decoders), "N", "speech decoders kept warm (default: one per core)" },
	{ "max-sessions", CMD_SERVE,  NUMBER, AT(max_sessions),  "N",     "refuse further sessions with 503 (default: 1000)" },
	{ "max-session",  CMD_SERVE,  NUMBER, AT(max_session_s), "SECONDS", "end a session after this long (default: 3600)" },
	{ "model",        CMD_SERVE,  LIST,   AT(models),        "NAME",  "a model that clients may ask for; may be repeated (default: any)" },
	{ "middle-tier",  CMD_SERVE,  FLAG,   AT(middle_tier),   NULL,    "/realtime without a model is a session with the server's settings" },
	{ "control-grace", CMD_SERVE, NUMBER, AT(control_grace_s), "SECONDS", "a Voice Live call outlives its control socket (default: 30)" },
	{ "stt",          CMD_TALK | SERVICE, LIST, AT(stt),     "SERVICE|pocketsphinx", "what hears: 'URL model=NAME key-env=NAME'; may be repeated, in the order of trying" },
	{ "llm",          CMD_TALK | SERVICE, LIST, AT(llm),     "SERVICE|extract", "what thinks" },
	{ "tts",          CMD_TALK | SERVICE, LIST, AT(tts),     "SERVICE|flite", "what speaks" },
	{ "realtime",     CMD_SERVE | CMD_DOCTOR | SERVICE, LIST, AT(realtime), "SERVICE", "what does all three: 'wss://… model=NAME key-env=NAME'" },
	{ "turns",        CMD_SERVE,  TEXT,   AT(turns),         "voiced|service", "who finds the turns before a realtime service (default: voiced)" },
	{ "mcp",          CMD_TALK | SERVICE, LIST, AT(mcp),     "LABEL URL|COMMAND", "tools of an MCP server: 'files npx -y SERVER DIR', 'tickets https://… key-env=NAME'; may be repeated" },
	{ "tools",        CMD_TALK | SERVICE, LIST, AT(tools),   "FILE",  "HTTP tools of your own, described by OpenAPI: 'FILE key-env=NAME'; may be repeated" },
	{ "mcp-allow",    CMD_SERVE,  LIST,   AT(mcp_allow),     "HOST",  "an MCP server that clients may name though it is not a public https one; may be repeated" },
	{ "no-embedded",  CMD_TALK,   FLAG,   AT(no_embedded),   NULL,    "services only: nothing embedded stands in for them" },
	{ "budget-session", CMD_SERVE, TEXT,  AT(budget[COST_OF_SESSION]), "AMOUNT", "what a session may use before it is made cheaper: '0.50', '20000 tokens', or both" },
	{ "budget-key",   CMD_SERVE,  TEXT,   AT(budget[COST_OF_KEY]), "AMOUNT", "... all sessions of one key or client secret in a day" },
	{ "budget-day",   CMD_SERVE,  TEXT,   AT(budget[COST_OF_DAY]), "AMOUNT", "... all sessions in a day (UTC)" },
	{ "currency",     CMD_SERVE,  TEXT,   AT(currency),      "NAME",  "that prices and budgets are in, for display: EUR" },
	{ "k",            CMD_SEARCH | CMD_EVAL, NUMBER, AT(k),             "N",     "how many passages (default: 5)" },
	{ "json",         CMD_INGEST | CMD_SEARCH | CMD_ASK | CMD_EVAL | CMD_DOCTOR | CMD_TOKEN | CMD_DOCUMENTS, FLAG, AT(json), NULL, "print one JSON document" },
	{ "tag",          CMD_INGEST | CMD_SEARCH | CMD_DOCUMENTS | BY_HAND, LIST, AT(tags), "WORD", "a word to find the documents by; may be repeated" },
	{ "path",         CMD_SEARCH | BY_HAND, TEXT, AT(path),  "PATTERN", "only in files whose path or name is like it: '*.pdf'" },
	{ "since",        CMD_SEARCH | BY_HAND, TEXT, AT(since), "DATE",  "only in files changed then or later: 2026-01-31" },
	{ "until",        CMD_SEARCH | BY_HAND, TEXT, AT(until), "DATE",  "only in files changed before" },
	{ "name",         CMD_INGEST | BY_HAND, TEXT, AT(name),  "NAME",  "what a document from standard input (-) is called" },
	{ "embedder",     CMD_EMBED,  TEXT,   AT(embedder),      "lsa|DIR|URL", "vectors learned here, by a model in a folder, or by a service" },
	{ "embedder-model", CMD_EMBED, TEXT,  AT(embedder_model), "NAME", "the service's model" },
	{ "embedder-dimensions", CMD_EMBED, NUMBER, AT(embedder_dimensions), "N", "ask the service for so many (default: as the model has it)" },
	{ "embedder-key", CMD_EMBED | SECRET, TEXT, AT(embedder_key), "KEY", "the service's key" },
	{ "wav",          CMD_ASK,    TEXT,   AT(wav),           "FILE",  "take the question from a recording (WAV)" },
	{ "speak",        CMD_ASK,    TEXT,   AT(speak),         "FILE",  "write the spoken answer as WAV" },
	{ "voice",        CMD_ASK,    TEXT,   AT(voice),         "NAME",  "the voice that speaks it (default: alloy)" },
	{ "expires",      CMD_TOKEN | BY_HAND, NUMBER, AT(expires_s), "SECONDS", "from 10 to 7200 (default: 600)" },
	{ "max-sessions", CMD_TOKEN | BY_HAND, NUMBER, AT(token_sessions), "N", "that it may open; 0: any number (default: 1)" },
	{ "max-duration", CMD_TOKEN | BY_HAND, NUMBER, AT(max_duration_s), "SECONDS", "that each may last (default: as the server has it)" },
	{ "session",      CMD_TOKEN | BY_HAND, TEXT, AT(session),   "FILE",  "a session object (JSON) that its sessions start from" },
	{ "collection",   CMD_TOKEN | BY_HAND, TEXT, AT(token_collection), "NAME", "bound to this collection of documents" },
	{ "group",        CMD_TOKEN | BY_HAND, LIST, AT(groups), "NAME", "may read what is labelled so; may be repeated" },
	{ "origin",       CMD_TOKEN | BY_HAND, TEXT, AT(origin),    "URL",   "good in pages of this origin only" },
#undef AT
};
/* clang-format on */

/* --- nearest word: edit distance with the last two rows -------------------------- */

enum { WORD_MAX = 32 };

static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], n = strlen(b);

	if (n > WORD_MAX || strlen(a) > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j], change = diagonal + (a[i - 1] != b[j - 1]);

			row[j] = MIN(MIN(row[j - 1], above) + 1, change);
			diagonal = above;
		}
	}
	return row[n];
}

const char *config_nearest(const char *word, const char *const *names)
{
	const char *best = NULL;
	size_t least = 3; /* two slips at most, or it is another word */

	for (; *names; names++) {
		size_t d = distance(word, *names);

		if (d < least && d < strlen(*names)) {
			least = d;
			best = *names;
		}
	}
	return best;
}

/* --- setting ----------------------------------------------------------------------- */

static int set_number(unsigned *to, const char *value, const char *name)
{
	char *end;

	errno = 0;
	unsigned long v = strtoul(value, &end, 10);
	if (errno || end == value || *end || v > 1000000 || value[0] == '-') {
		fprintf(stderr, "voiced: %s wants a whole number from 0 to 1000000, not '%s'\n", name,
			value);
		return -EINVAL;
	}
	*to = (unsigned)v;
	return 0;
}

static int set(struct config *c, const struct key *k, const char *value)
{
	void *at = (char *)c + k->offset;
	char *copy = k->kind == FLAG ? NULL : arena_strdup(&c->arena, value);
	struct config_list *list = at;

	switch (k->kind) {
	case FLAG:
		*(bool *)at = !value || strcmp(value, "0") != 0;
		return 0;
	case NUMBER:
		return set_number(at, value, k->name);
	case TEXT:
		*(const char **)at = copy;
		return copy ? 0 : -ENOMEM;
	case LIST:
		if (list->n == CONFIG_LIST_MAX) {
			fprintf(stderr, "voiced: %s may be given %d times at most\n", k->name,
				CONFIG_LIST_MAX);
			return -EINVAL;
		}
		list->at[list->n++] = copy;
		return copy ? 0 : -ENOMEM;
	}
	return -EINVAL;
}

static const struct key *find_key(const char *name, size_t n, unsigned commands)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strlen(keys[i].name) == n && memcmp(keys[i].name, name, n) == 0 &&
		    keys[i].commands & commands & CMD_ALL &&
		    (keys[i].commands & BY_HAND & ~commands) == 0)
			return &keys[i];
	return NULL;
}

static int unknown_option(const char *name, size_t n, enum command cmd)
{
	const char *names[ARRAY_LEN(keys) + 1];
	char word[WORD_MAX + 1];
	size_t m = 0;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].commands & cmd)
			names[m++] = keys[i].name;
	names[m] = NULL;
	snprintf(word, sizeof(word), "%.*s", (int)MIN(n, (size_t)WORD_MAX), name);

	const char *near = config_nearest(word, names);
	fprintf(stderr, "voiced: unknown option --%.*s%s%s%s\n", (int)n, name,
		near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
	return -EINVAL;
}

/* "key=…" or "secret=…" among the words of a service. */
static bool names_secret(const char *line)
{
	static const char *const words[] = { " key=", " secret=" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strstr(line, words[i]))
			return true;
	return false;
}

/* --- the three places ---------------------------------------------------------------- */

static int from_flags(struct config *c, enum command cmd, int argc, const char *const *argv)
{
	bool only_words = false;

	for (int i = 0; i < argc; i++) {
		const char *arg = argv[i];

		if (only_words || arg[0] != '-' || !arg[1]) {
			if (c->words.n == CONFIG_LIST_MAX)
				return fprintf(stderr, "voiced: too many words\n"), -EINVAL;
			c->words.at[c->words.n++] = arg;
			continue;
		}
		if (strcmp(arg, "--") == 0) {
			only_words = true;
			continue;
		}
		const char *name = arg + (arg[1] == '-' ? 2 : 1), *eq = strchr(name, '=');
		size_t n = eq ? (size_t)(eq - name) : strlen(name);
		const struct key *k = find_key(name, n, cmd | BY_HAND);

		if (!k)
			return unknown_option(name, n, cmd);
		if (k->commands & SECRET) {
			fprintf(stderr, "voiced: --%s would be seen by everyone on this machine; set it in the "
					"configuration file or as VOICED_EMBEDDER_KEY\n", k->name);
			return -EINVAL;
		}
		const char *value = eq ? eq + 1 : NULL;
		if (!value && k->kind != FLAG && ++i < argc)
			value = argv[i];
		if (!value && k->kind != FLAG)
			return fprintf(stderr, "voiced: --%s wants a value: --%s %s\n", k->name, k->name,
				       k->value),
			       -EINVAL;
		if (k->commands & SERVICE && names_secret(value)) {
			fprintf(stderr, "voiced: a key in --%s would be seen by everyone on this machine; write the line into "
					"the configuration file, or name a variable with key-env=NAME\n", k->name);
			return -EINVAL;
		}
		if (set(c, k, value) != 0)
			return -EINVAL;
	}
	return 0;
}

static int from_environment(struct config *c, enum command cmd)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		char name[64] = "VOICED_";
		size_t n = strlen(name);

		if (!(keys[i].commands & cmd) || keys[i].commands & BY_HAND)
			continue;
		for (const char *s = keys[i].name; *s; s++)
			name[n++] = *s == '-' ? '_' : (char)toupper((unsigned char)*s);
		const char *value = getenv(name);
		if (value && *value && set(c, &keys[i], value) != 0)
			return -EINVAL;
	}
	return 0;
}

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	for (char *e = s + strlen(s); e > s && isspace((unsigned char)e[-1]);)
		*--e = 0;
	return s;
}

static int from_line(struct config *c, enum command cmd, char *line, const char *file, unsigned at)
{
	char *s = trim(line), *eq = strchr(s, '=');

	if (!*s || *s == '#')
		return 0;
	if (!eq) {
		fprintf(stderr, "voiced: %s:%u: wants `name = value`\n", file, at);
		return -EINVAL;
	}
	*eq = 0;
	char *name = trim(s), *value = trim(eq + 1);
	if (!find_key(name, strlen(name), CMD_ALL)) {
		fprintf(stderr, "voiced: %s:%u: unknown name '%s'\n", file, at, name);
		return -EINVAL;
	}
	const struct key *k = find_key(name, strlen(name), cmd);
	return k ? set(c, k, value) : 0; /* a key of another command is not this one's business */
}

static int from_file(struct config *c, enum command cmd)
{
	char *line = NULL;
	size_t cap = 0;
	unsigned at = 0;
	int r = 0;
	FILE *f = fopen(c->file, "re");

	if (!f) {
		fprintf(stderr, "voiced: cannot read the configuration %s: %s\n", c->file,
			strerror(errno));
		return -EINVAL;
	}
	while (r == 0 && getline(&line, &cap, f) >= 0)
		r = from_line(c, cmd, line, c->file, ++at);
	free(line);
	fclose(f);
	return r;
}

static int defaults(struct config *c)
{
	const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	c->log_level = "info";
	c->listen = "127.0.0.1:8080";
	c->collection = "default";
	c->mode = "hybrid";
	c->voice = "alloy";
	c->k = 5;
	c->max_sessions = 1000;
	c->expires_s = 600;
	c->token_sessions = 1;
	c->data = xdg && *xdg ? arena_printf(&c->arena, "%s/voiced", xdg) :
		  home	      ? arena_printf(&c->arena, "%s/.local/share/voiced", home) :
				arena_strdup(&c->arena, "voiced-data");
	return c->data ? 0 : -ENOMEM;
}

int config_set_of(const struct config_list *list, const char *option, char set[static LABELS_SIZE])
{
	set[0] = 0;
	for (size_t i = 0; i < list->n; i++) {
		struct bytes word = bytes_str(list->at[i]);

		if (word.n == 0 || (label_valid(word) && labels_add(set, word)))
			continue;
		fprintf(stderr, "voiced: --%s wants a word of at most %d octets without commas, %d times at most, not '%.80s'\n",
			option, LABEL_MAX, LABELS_MAX, list->at[i]);
		return -EINVAL;
	}
	return 0;
}

int config_load(struct config *c, enum command cmd, int argc, const char *const *argv)
{
	/* The flags are read twice: first for --config alone, last over all the rest. */
	struct config flags = { 0 };
	int r = from_flags(&flags, cmd, argc, argv);

	*c = (struct config){ 0 };
	if (r == 0)
		r = defaults(c);
	if (r == 0) {
		c->file = flags.file ? arena_strdup(&c->arena, flags.file) : getenv("VOICED_CONFIG");
		if (c->file)
			r = from_file(c, cmd);
	}
	config_done(&flags);
	if (r == 0)
		r = from_environment(c, cmd);
	if (r == 0)
		r = from_flags(c, cmd, argc, argv);
	return r;
}

static int from_pairs(struct config *c, enum command cmd, const char *pairs)
{
	char *save, *copy = arena_strdup(&c->arena, pairs);

	for (char *p = copy ? strtok_r(copy, " \t\n", &save) : NULL; p;
	     p = strtok_r(NULL, " \t\n", &save)) {
		size_t n = strcspn(p, "=");
		const struct key *k = find_key(p, n, cmd);

		if (!k)
			return unknown_option(p, n, cmd);
		if (!p[n])
			return fprintf(stderr, "voiced: '%s' wants a value: %s=%s\n", p, k->name,
				       k->value ? k->value : "1"),
			       -EINVAL;
		if (k->kind == LIST) /* in place of the first configuration's, not beside them */
			((struct config_list *)(void *)((char *)c + k->offset))->n = 0;
		if (set(c, k, p + n + 1) != 0)
			return -EINVAL;
	}
	return copy ? 0 : -ENOMEM;
}

int config_vary(struct config *out, const struct config *base, enum command cmd, const char *with)
{
	*out = *base;
	out->arena = (struct arena){ 0 };
	if (access(with, F_OK) != 0 && strchr(with, '='))
		return from_pairs(out, cmd, with);
	out->file = with;
	return from_file(out, cmd);
}

void config_done(struct config *c)
{
	arena_done(&c->arena);
}

void config_help(enum command cmd)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		char left[48];

		if (!(keys[i].commands & cmd) || keys[i].commands & SECRET)
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", keys[i].name, keys[i].value ? " " : "",
			 keys[i].value ? keys[i].value : "");
		printf("  %-22s %s\n", left, keys[i].help);
	}
}
