/* main.c - which command, and its help. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/embedder.h"
#include "base/json.h"
#include "base/log.h"

/* clang-format off */
static const struct {
	const char *name;
	enum command bit;
	int (*run)(struct config *c);
	const char *words;   /* what follows the options */
	size_t min_words;
	const char *summary;
	const char *more;
} commands[] = {
	{ "serve",  CMD_SERVE,  command_serve,  "",                0, "let people talk with the documents",
	  "Serves the page, the Realtime API and WebRTC on one port until Ctrl-C." },
	{ "ingest", CMD_INGEST, command_ingest, "PATH ... | -",    1, "add or refresh documents",
	  "Reads PDF, Word, Excel, PowerPoint, OpenDocument, EPUB, HTML, Markdown, text, CSV, JSON,\nJSON Lines and e-mail (also .gz), or with '-' one document from standard input (--name NAME).\nWhat has not changed is not read again; what has gone from a folder is removed, what a\n.voicedignore names is left out. Safe to interrupt and to repeat." },
	{ "documents", CMD_DOCUMENTS, command_documents, "list [WHICH ...] | remove WHICH ... | tag WHICH ... --tag WORD", 1, "list, remove or tag documents",
	  "WHICH is a number of the list, a file, a folder, or a pattern such as '*.pdf'.\nThe tags that are given take the place of what there was; --tag '' is none." },
	{ "search", CMD_SEARCH, command_search, "QUERY",           1, "find passages",
	  "Prints the passages that fit best, each with its document, page and heading." },
	{ "ask",    CMD_ASK,    command_ask,    "(TEXT | --wav FILE)", 0, "ask one question and get a sourced answer",
	  "Answers from the documents on the command line, without a server." },
	{ "eval",   CMD_EVAL,   command_eval,   "QUESTIONS.tsv",   1, "try your own questions, and count what is found and answered",
	  "Asks each question of the table as a session would, typed or from a recording, and says\nwhether the right place was found and answered from. docs/eval.md has the table's format." },
	{ "doctor", CMD_DOCTOR, command_doctor, "",                0, "say what works, what does not, and what mends it",
	  "Checks data, certificate, models and programs; exit code 1 if anything is missing." },
	{ "replay", CMD_REPLAY, command_replay, "FILE",            1, "play a session that 'serve --record' wrote",
	  "Prints the events that the session said, one JSON object a line: {\"leg\", \"event\"}.\nNo engine and no document is asked: what they said then is in the file." },
	{ "token",  CMD_TOKEN,  command_token,  "",                0, "make a client secret, a key for one browser or device",
	  "Prints an 'ek_...' that is shown in place of the key: for one session, opened within ten\nminutes, unless you say otherwise. Servers with the same --key (or VOICED_KEY) take it;\nwithout a key, those on the same data directory." },
};
/* clang-format on */

static int usage(FILE *to)
{
	fprintf(to, "voiced %s - talk with your own documents\n\nusage: voiced COMMAND [options]\n\n",
		VERSION);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].summary);
	fprintf(to, "\n'voiced COMMAND --help' says more; 'voiced --version' prints the version.\n");
	return to == stdout ? 0 : 2;
}

static int unknown(const char *word)
{
	const char *names[ARRAY_LEN(commands) + 1] = { NULL };

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		names[i] = commands[i].name;
	const char *near = config_nearest(word, names);

	fprintf(stderr, "voiced: there is no command '%s'%s%s%s\n", word, near ? "; did you mean '" : "",
		near ? near : "", near ? "'?" : "; 'voiced --help' lists them");
	return 2;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int run(size_t i, int argc, char **argv)
{
	struct config c;
	enum log_level level;
	int code = 2;

	if (wants_help(argc, argv)) {
		printf("usage: voiced %s [options] %s\n\n%s\n\n", commands[i].name, commands[i].words,
		       commands[i].more);
		config_help(commands[i].bit);
		return 0;
	}
	if (config_load(&c, commands[i].bit, argc, (const char *const *)argv) != 0)
		goto out;
	if (!log_level_parse(c.log_level, &level)) {
		fprintf(stderr, "voiced: --log-level wants error, warn, info or debug, not '%s'\n",
			c.log_level);
		goto out;
	}
	log_set_level(level);
	if (c.words.n < commands[i].min_words) {
		fprintf(stderr, "usage: voiced %s [options] %s\n", commands[i].name, commands[i].words);
		goto out;
	}
	if (commands[i].bit & (CMD_SERVE | CMD_INGEST | CMD_SEARCH | CMD_ASK | CMD_EVAL)) {
		char why[EMBEDDER_WHY];

		if (embedder_configure(&c, why) != 0) {
			fprintf(stderr, "voiced: %s\n", why);
			goto out;
		}
	}
	code = commands[i].run(&c);
	embedder_unconfigure();
out:
	config_done(&c);
	return code;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	json_init();
	if (argc < 2)
		return usage(stderr);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
		return usage(stdout);
	if (strcmp(argv[1], "--version") == 0) {
		printf("voiced %s\n", VERSION);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return run(i, argc - 2, argv + 2);
	return unknown(argv[1]);
}
