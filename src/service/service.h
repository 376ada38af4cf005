/* service.h - another service, as the operator writes it in one line.
 *
 *     https://api.openai.com/v1 model=gpt-4.1-mini key=sk-…
 *     https://NAME.openai.azure.com model=DEPLOYMENT key-env=AZURE_OPENAI_API_KEY
 *     wss://NAME.services.ai.azure.com/voice-live/realtime model=gpt-realtime tenant=… client=… secret-env=…
 *     http://127.0.0.1:11434/v1 model=llama3.2
 *
 * A URL, then words name=value: model, key | key-env | key-file, api (openai, azure, azure-preview,
 * voice-live; told from the URL when not said), version (Azure's api-version), tenant, client,
 * secret | secret-env | secret-file, authority (Entra ID; the scope is told from the api), voice,
 * timeout (seconds), price-… (docs/service.md). One table is the list; a value with spaces stands in
 * "…". The URL may be the one that a portal shows, with a deployment or api-version in it. Without a key, OPENAI_API_KEY
 * or AZURE_OPENAI_API_KEY is taken for these services' own hosts, and for no others.
 *
 * Pure but for reading the environment and files that the line names.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "engine/price.h"

enum service_api { SERVICE_OPENAI, SERVICE_AZURE, SERVICE_AZURE_PREVIEW, SERVICE_VOICE_LIVE };

enum { SERVICE_WHY = 240 };

struct service {
	struct arena arena;
	enum service_api api;
	/* Without a slash at its end or a query; of Azure by HTTP: what stands before /openai. */
	const char *url;
	const char *host;    /* for people and logs: name and port, never a key          */
	const char *model;   /* or NULL */
	const char *version; /* or NULL */
	const char *voice;   /* or NULL: as the client says */
	const char *key;     /* or NULL */
	const char *tenant, *client, *secret, *authority; /* Entra client credentials; or NULL */
	unsigned timeout_ms; /* for how long it may say nothing; 20 s where the line does not say */
	struct price price;
};

/* -EINVAL or -ENOMEM and a sentence in why[], in which no value of a key or secret stands. */
MUST_USE int service_parse(struct service *to, const char *line, char why[static SERVICE_WHY]);
void service_done(struct service *s);
static inline void service_auto_(struct service *s)
{
	service_done(s);
}
/* The same line for logs and errors: keys and secrets are "…". */
void service_show(const struct service *s, struct buf *to);
/* Percent-encoded (RFC 3986, 2.3), for one segment of a path, or a value of a form. */
void service_escape(struct buf *to, const char *text);
