/* env.h - the clock and the dice of a sans-I/O core.
 *
 * A core never asks the machine for the time or for randomness: it is given an
 * env. Production wires it to CLOCK_MONOTONIC and getrandom(); a test to a
 * counter and a seeded generator, so that every run is the same.
 */
#pragma once

#include "base/defs.h"

struct env {
	void *ctx;
	uint64_t (*now_us)(void *ctx);                 /* monotonic                       */
	uint64_t (*wall_us)(void *ctx);                /* since 1970-01-01 UTC            */
	void (*rand)(void *ctx, void *to, size_t n);   /* unpredictable in production     */
};

static inline uint64_t env_now(const struct env *e)
{
	return e->now_us(e->ctx);
}

static inline uint64_t env_wall(const struct env *e)
{
	return e->wall_us(e->ctx);
}

static inline void env_rand(const struct env *e, void *to, size_t n)
{
	e->rand(e->ctx, to, n);
}

/* The machine's clock and randomness. */
extern const struct env env_system;

/* For tests: starts at now_us = 1 s, wall_us = 2026-01-01; moves when told. */
struct env_fake {
	struct env env;
	uint64_t now_us, wall_us, seed;
};

void env_fake_init(struct env_fake *f, uint64_t seed);
void env_fake_advance(struct env_fake *f, uint64_t us);

/* `prefix` and n random characters of [A-Za-z0-9] with a NUL; `to` holds strlen(prefix) + n + 1. */
void env_id(const struct env *e, const char *prefix, char *to, size_t n);
