/* credential.h - what shows a service that we may use it: a key, or a token of Entra ID.
 *
 * A token is asked for by client credentials (OAuth 2.0, RFC 6749, 4.4) at AUTHORITY/TENANT/
 * oauth2/v2.0/token as soon as there is a credential, renewed five minutes (or half of its life)
 * before its end, and tried again with growing pauses when that fails. Any thread, never blocks.
 */
#pragma once

#include "service/service.h"

struct credential;
struct fetcher;

enum { CREDENTIAL_FIELD = 8192, CREDENTIAL_WHY = 240 };

/* Borrows the service and the fetcher. */
MUST_USE int credential_new(struct credential **out, struct fetcher *f, const struct service *s);
/* Before the fetcher, and not on its thread. */
void credential_free(struct credential *c);
AUTO_DEF(credential)

/* The header field to send now: "Authorization: Bearer …" (OpenAI and tokens), "api-key: …" (Azure);
 * "" where the service has no key. -EAGAIN: a token is on its way, ask again in a moment; -EACCES
 * and a sentence without secrets: the last attempt failed, and there is no token that still lives. */
MUST_USE int credential_field(struct credential *c, char to[static CREDENTIAL_FIELD],
			      char why[static CREDENTIAL_WHY]);
/* The service said 401: a token is asked for anew, once a minute at most. */
void credential_refused(struct credential *c);
