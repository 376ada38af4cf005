/* mcp_line.h - an MCP server, or a file of HTTP tools, as the operator writes it in one line.
 *
 *     files npx -y @modelcontextprotocol/server-filesystem /srv/docs
 *     tickets https://tickets.example/mcp key-env=TICKETS_KEY allow=find,create
 *     notes timeout=10 reads=list env=NOTES_DIR=/srv/notes notes-server --stdio
 *
 *     /etc/voiced/weather.yaml key-env=WEATHER_KEY allow=getWeather
 *
 * A server: a label, then words name=value of the table in mcp_line.c, then the URL (words may follow it) or
 * a program with its arguments. A file (tool_openapi.h): its path, and words. Words are split at spaces; quotes and backslashes work as in a
 * shell. A value of env= or header= that stands as NAME=$OTHER is taken from our environment.
 *
 * Pure but for reading the environment and files that the line names.
 */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"

enum { MCP_LINE_WHY = 240, MCP_LABEL_MAX = 32, MCP_LINE_WORDS = 64, MCP_LINE_FIELDS = 4 };

struct mcp_line {
	struct arena arena;
	const char *label;
	const char *url;			       /* or NULL: a program; of a file: url= */
	const char *file;			       /* or NULL: a server   */
	const char *argv[MCP_LINE_WORDS];	       /* ends with NULL      */
	const char *environment[MCP_LINE_WORDS];       /* NAME=value; NULL    */
	const char *fields[MCP_LINE_FIELDS + 1];       /* "Name: value"; NULL */
	const char *allow, *reads, *acts, *unasked;    /* names with commas; NULL: not said */
	const char *idle, *silent;
	const char *filler;
	unsigned time_ms; /* of one call; 0: not said */
	size_t n_argv, n_environment, n_fields;
};

/* -EINVAL or -ENOMEM and a sentence in why[], in which no value stands. */
MUST_USE int mcp_line_parse(struct mcp_line *to, const char *line, char why[static MCP_LINE_WHY]);
MUST_USE int mcp_line_parse_file(struct mcp_line *to, const char *line, char why[static MCP_LINE_WHY]);
void mcp_line_done(struct mcp_line *l);
static inline void mcp_line_auto_(struct mcp_line *l)
{
	mcp_line_done(l);
}

/* Is this one of the names? NULL: no. "*" is any. */
MUST_USE bool mcp_line_has(const char *names, const char *name);
