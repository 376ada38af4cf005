#include "app/embedder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "knowledge/embed_remote.h"
#include "knowledge/embed_static.h"
#include "knowledge/learn.h"

static bool is_url(const char *s)
{
	return strstr(s, "://") != NULL;
}

static int use_service(const struct config *c, char why[static EMBEDDER_WHY])
{
	const struct embed_remote_params p = { c->embedder, c->embedder_model ? c->embedder_model : "",
					       c->embedder_dimensions };
	const char *wrong = embed_remote_check_url(p.url);

	if (!wrong && p.dimensions > EMBED_DIM_MAX)
		wrong = "more dimensions than 3072 cannot be used";
	if (!wrong)
		return learn_choose_service(&p);
	snprintf(why, EMBEDDER_WHY, "--embedder %.100s: %s", is_url(p.url) ? "URL" : p.url, wrong);
	return -EINVAL;
}

static int use_folder(const struct config *c, char why[static EMBEDDER_WHY])
{
	AUTO(embedder) struct embedder *e = NULL;
	char reason[EMBED_WHY];
	int r = embed_static_open(&e, c->embedder, reason);

	if (r == 0)
		learn_choose(LEARN_WITH, e);
	else
		snprintf(why, EMBEDDER_WHY, "%s", reason);
	return r;
}

int embedder_configure(const struct config *c, char why[static EMBEDDER_WHY])
{
	const char *e = c->embedder && *c->embedder ? c->embedder : NULL;
	int r = embed_remote_setup(e && is_url(e) ? e : NULL, c->embedder_key);

	snprintf(why, EMBEDDER_WHY, "not enough memory for the embedder");
	if (r < 0 || !e)
		return r;
	if (strcmp(e, "lsa") == 0) {
		learn_choose(LEARN_LSA, NULL);
		return 0;
	}
	return is_url(e) ? use_service(c, why) : use_folder(c, why);
}

void embedder_unconfigure(void)
{
	learn_choose(LEARN_KEEP, NULL);
	embed_static_forget();
	embed_remote_cleanup();
}
