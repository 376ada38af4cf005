#include "leg/runner.h"

#include "base/env.h"

static void on_due(struct timer *t)
{
	struct runner *r = CONTAINER_OF(t, struct runner, due);

	session_on_time(r->session, env_now(&env_system));
}

static void on_next(void *ctx, struct session *s, uint64_t next_us)
{
	struct runner *r = ctx;

	(void)s;
	if (next_us == UINT64_MAX)
		timer_stop(r->loop, &r->due);
	else if (timer_set(r->loop, &r->due, next_us) != 0 && r->session)
		session_close(r->session, 1011, "out of memory", env_now(&env_system));
}

static void on_over(void *ctx, struct session *s)
{
	struct runner *r = ctx;

	(void)s;
	if (r->on_over)
		r->on_over(r);
}

int runner_start(struct runner *r, struct loop *loop, const struct session_params *p,
		 void (*over)(struct runner *r), struct api_error *e)
{
	struct session_params mine = *p;

	*r = (struct runner){ .loop = loop, .due.on_due = on_due, .on_over = over };
	mine.loop = loop;
	mine.host = (struct session_host){ r, on_next, on_over };
	return session_new(&r->session, &mine, e);
}

void runner_stop(struct runner *r)
{
	if (!r->session)
		return;
	timer_stop(r->loop, &r->due);
	session_free(r->session);
	timer_stop(r->loop, &r->due);
	r->session = NULL;
}
