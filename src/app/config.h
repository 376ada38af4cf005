/* config.h - what the operator decides: a file, then VOICED_* variables, then flags.
 *
 * One table (config.c) is the whole list: its rows are parsed from the file
 * (`name = value`, `#` comments), from the environment (VOICED_NAME) and from
 * the command line (--name VALUE), and print the --help of each command.
 * Strings live as long as the config.
 */
#pragma once

#include "base/arena.h"
#include "knowledge/labels.h"
#include "session/cost.h"

enum { CONFIG_LIST_MAX = 32 };

struct config_list {
	const char *at[CONFIG_LIST_MAX];
	size_t n;
};

struct config {
	struct arena arena;
	const char *data;   /* directory; default $XDG_DATA_HOME/voiced     */
	const char *file;   /* the configuration file itself, or NULL       */
	const char *log_level;
	/* serve */
	const char *listen; /* ADDR:PORT                                    */
	const char *cert, *cert_key; /* PEM files, or NULL: self-signed     */
	const char *key;    /* API key; required off loopback               */
	struct config_list docs, hosts, allow_origins, models;
	/* also ask's and eval's: lines as service/service.h reads them, or an embedded engine's name */
	struct config_list stt, llm, tts, realtime;
	struct config_list mcp;       /* lines as service/mcp_line.h reads them */
	struct config_list tools;     /* files with words, as service/tool_openapi.h reads them */
	struct config_list mcp_allow; /* hosts that sessions may name          */
	const char *turns; /* "voiced", "service" */
	bool no_embedded;
	const char *budget[N_COST_SCOPES]; /* as budget_parse() reads them, or NULL */
	const char *currency;              /* for display, or NULL                  */
	bool middle_tier;
	const char *questions; /* file with questions the page suggests     */
	const char *record; /* directory for session recordings, or NULL    */
	unsigned loops, decoders, max_sessions, max_session_s, control_grace_s; /* 0: default */
	/* ingest, search, ask, eval */
	const char *collection;
	struct config_list groups; /* also serve's and token's: "" is none of them */
	struct config_list labels; /* also serve's, of --docs                     */
	const char *mode;    /* how passages are found: search_mode()         */
	const char *against; /* eval: what differs in the second run         */
	unsigned k;
	bool json;
	const char *wav, *speak, *voice;
	const char *name;         /* of what comes from standard input */
	struct config_list tags;
	const char *path, *since, *until; /* of what is searched */
	const char *embedder, *embedder_model, *embedder_key; /* NULL: as it is   */
	unsigned embedder_dimensions;
	/* token */
	unsigned expires_s, token_sessions, max_duration_s;
	const char *session, *origin, *token_collection;
	struct config_list words; /* what is left: paths, a question        */
};

/* Commands as bits, so that a key can belong to several. */
enum command {
	CMD_SERVE = BIT(0),
	CMD_INGEST = BIT(1),
	CMD_SEARCH = BIT(2),
	CMD_ASK = BIT(3),
	CMD_DOCTOR = BIT(4),
	CMD_REPLAY = BIT(5),
	CMD_TOKEN = BIT(6),
	CMD_EVAL = BIT(7),
	CMD_DOCUMENTS = BIT(8),
	CMD_ALL = BIT(9) - 1,
};

/* argv after the command's name. 0, or -EINVAL after one sentence on stderr, which
 * names the nearest option where one was mistyped. config_done() in either case. */
MUST_USE int config_load(struct config *c, enum command cmd, int argc, const char *const *argv);
void config_done(struct config *c);
/* A second configuration, as `base` but for what `with` says: a configuration file, or
 * `name=value` pairs with blanks between. Borrows from base. 0, or -EINVAL after one
 * sentence on stderr; config_done() in either case. */
MUST_USE int config_vary(struct config *out, const struct config *base, enum command cmd,
			 const char *with);

/* The words of a list as a set (knowledge/labels.h); one that is empty stands for none. 0, or
 * -EINVAL after a sentence on stderr. */
MUST_USE int config_set_of(const struct config_list *list, const char *option, char set[static LABELS_SIZE]);

/* The options of one command, as --help shows them. */
void config_help(enum command cmd);

/* The nearest of `names` (NULL at its end) to a mistyped word, or NULL. */
const char *config_nearest(const char *word, const char *const *names);
