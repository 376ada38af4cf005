/* realtime_ws.h - realtime services by WebSocket: hearing, thinking and speaking elsewhere.
 *
 * realtime_ops over net/ws_client.h, in the dialects of realtime_dialect.h. open() tries the services in
 * their order, those that are well first (health.h); the next one is tried when one fails before on_open.
 * A link lives on the loop it was opened on; the services and their health are shared by all loops.
 *
 * Time limits: service.timeout_ms without any sign of an answer that was asked for (on_failed, and it is
 * cancelled there), of a commit's words (on_deaf). A connection that grows old is given up in a quiet
 * moment before the service's own limit (on_lost, again at once).
 */
#pragma once

#include "engine/ops.h"
#include "service/service.h"

struct fetcher;
struct health;

struct realtime_ws_params {
	const struct service *services; /* borrowed; in the order they are tried */
	size_t n_services;              /* 1 to 16                               */
	struct fetcher *fetcher;        /* for tokens of Entra ID; borrowed; NULL where none is needed */
	unsigned renew_s;               /* the age of a connection; 0: 55 minutes */
};

enum { REALTIME_WHY = 256 };

MUST_USE int realtime_ws_new(struct realtime **out, const struct realtime_ws_params *p,
			     char why[static REALTIME_WHY]);
/* How service i is; any thread. */
struct health *realtime_ws_health(struct realtime *e, size_t i);

extern const struct realtime_ops realtime_ws_ops;
