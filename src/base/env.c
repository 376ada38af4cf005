#include "base/env.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * US_PER_S + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t system_now(void *ctx)
{
	(void)ctx;
	return clock_us(CLOCK_MONOTONIC);
}

static uint64_t system_wall(void *ctx)
{
	(void)ctx;
	return clock_us(CLOCK_REALTIME);
}

static void system_rand(void *ctx, void *to, size_t n)
{
	(void)ctx;
	for (size_t done = 0; done < n;) {
		ssize_t got = getrandom((uint8_t *)to + done, n - done, 0);

		if (got < 0)
			abort(); /* no kernel randomness: nothing secret can be made */
		done += (size_t)got;
	}
}

const struct env env_system = { NULL, system_now, system_wall, system_rand };

static uint64_t fake_now(void *ctx)
{
	return ((struct env_fake *)ctx)->now_us;
}

static uint64_t fake_wall(void *ctx)
{
	return ((struct env_fake *)ctx)->wall_us;
}

/* splitmix64: small, and the same everywhere. */
static void fake_rand(void *ctx, void *to, size_t n)
{
	struct env_fake *f = ctx;

	for (size_t i = 0; i < n; i++) {
		uint64_t z = f->seed += 0x9e3779b97f4a7c15u;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		((uint8_t *)to)[i] = (uint8_t)(z ^ z >> 31);
	}
}

void env_fake_init(struct env_fake *f, uint64_t seed)
{
	*f = (struct env_fake){
		.env = { f, fake_now, fake_wall, fake_rand },
		.now_us = US_PER_S,
		.wall_us = 1767225600ull * US_PER_S,
		.seed = seed,
	};
}

void env_fake_advance(struct env_fake *f, uint64_t us)
{
	f->now_us += us;
	f->wall_us += us;
}

void env_id(const struct env *e, const char *prefix, char *to, size_t n)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t at = strlen(prefix);

	memcpy(to, prefix, at);
	for (size_t i = 0; i < n;) {
		uint8_t r;

		env_rand(e, &r, 1);
		if (r < 248) /* 4 * 62: every character equally likely */
			to[at + i++] = set[r % 62];
	}
	to[at + n] = 0;
}
