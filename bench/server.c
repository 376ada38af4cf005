/* The service with engines that cost nothing: real HTTP, WebSockets, sessions and voice detection, on one
 * loop and thread; what is heard, thought and said comes from engine/fake.h. For bench/events.mjs, which measures
 * the rest. Not a part of the product.      bench_server PORT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/json.h"
#include "base/loop.h"
#include "engine/fake.h"
#include "net/listen.h"

static struct loop *loop;
static struct engines engines;

static bool ready(void *ctx)
{
	(void)ctx;
	return true;
}

static const struct engines *engines_of(void *ctx, const char **collection)
{
	(void)ctx;
	*collection = "default";
	return &engines;
}

static void stop(int signal)
{
	(void)signal;
	_Exit(0);
}

int main(int argc, char **argv)
{
	static const struct http_policy policy = { 0 };
	char at_text[64], why[LISTEN_WHY];
	struct http_server *server;
	struct auth auth;
	struct cert *cert;
	struct fake *fake;
	struct addr at;
	struct api *api;

	if (argc != 2)
		return 2;
	signal(SIGTERM, stop);
	signal(SIGPIPE, SIG_IGN);
	json_init();
	snprintf(at_text, sizeof(at_text), "127.0.0.1:%s", argv[1]);
	auth_init(&auth, &env_system, (struct bytes){ 0 }, &(struct token_key){ 0 });
	if (fake_new(&fake) != 0 || loop_new(&loop, 0) != 0 || cert_new(&cert, &env_system) != 0 ||
	    !addr_parse(bytes_str(at_text), &at))
		return 1;
	fake_engines(fake, &engines);
	const struct api_params p = { .env = &env_system,
				      .loops = &loop,
				      .n_loops = 1,
				      .engines_of = engines_of,
				      .data = "/nonexistent",
				      .collection = "default",
				      .auth = &auth,
				      .cert = cert,
				      .candidates = &at,
				      .n_candidates = 1,
				      .max_sessions = 20000,
				      .ready = ready };
	if (api_new(&api, &p) != 0)
		return 1;
	const struct http_server_params h = {
		.loops = &loop, .n_loops = 1, .ops = &api_http_ops, .policy = &policy, .ctx = api
	};
	if (http_server_new(&server, &h) != 0 || http_server_listen(server, &at, why) != LISTEN_OK)
		return 1;
	return loop_run(loop);
}
