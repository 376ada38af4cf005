/* services.h - what hears, thinks and speaks, as the operator chose it: services in the order they are tried, the embedded
 * engines behind them, and the tools of others.
 *
 * Opened once, on the main thread, beside the embedded engines; freed after the sessions and before those.
 */
#pragma once

#include "app/config.h"
#include "service/health.h"
#include "engine/ops.h"

struct fetcher;
struct services;

enum { SERVICES_WHY = 320 };

/* -errno and a sentence in why[], without keys. `embedded` is copied. */
MUST_USE int services_open(struct services **out, const struct config *c, const struct engines *embedded,
			   char why[static SERVICES_WHY]);
void services_free(struct services *s);

/* Of sessions, but for the tools of their collection. cheaper: without the first of each list, as far as
 * there is another. */
const struct engines *services_engines(const struct services *s);
const struct engines *services_cheaper(const struct services *s);
/* They have all said what they have, or have had their time. Any thread. */
MUST_USE bool services_settled(struct services *s);
/* Tools of MCP servers and OpenAPI documents as they are now; they live as long as the services. */
void services_tools(struct services *s, const struct tool_def **defs, size_t *n);

/* One of those that are tried, as it is now. */
struct services_row {
	const char *kind, *name; /* "stt", "llm", "tts", "realtime"; a service's host, or the embedded engine's name */
	const char *model;       /* or NULL */
	bool is_service;
	struct health_view health;
};
/* The i-th of all, kind by kind in the order of trying; false: there are no more. Any thread. */
MUST_USE bool services_row(struct services *s, size_t i, struct services_row *to);

/* Does the configuration leave work for the embedded engine of this name? */
bool services_want(const struct config *c, const char *embedded);
