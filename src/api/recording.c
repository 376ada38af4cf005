#include "api/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/pool.h"

LOG_TOPIC("record");

struct recording {
	struct job job;
	struct pool *pool;
	char *path;
	struct rec_writer writer;
	struct buf stream;
	bool full;
	char id[12];
};

static void record(void *ctx, enum rec_kind k, uint64_t now_us, struct bytes body)
{
	struct recording *r = ctx;

	if (r->full)
		return;
	if (r->stream.n + body.n > RECORDING_MAX) {
		r->full = true;
		log_warn("recording=%s what=\"longer than %d MiB, the rest is left out\"", r->id,
			 RECORDING_MAX >> 20);
		return;
	}
	rec_writer_ops.record(&r->writer, k, now_us, body);
}

static const struct recorder_ops hook = { record };

static struct recording *make(struct api *a)
{
	struct recording *r = mem_zalloc(sizeof(*r));

	if (!r)
		return NULL;
	env_id(a->p.env, "", r->id, sizeof(r->id) - 1);
	r->path = mem_printf("%s/%" PRIu64 "-%s.vrec", a->record, env_wall(a->p.env) / US_PER_S, r->id);
	if (!r->path) {
		mem_free(r);
		return NULL;
	}
	r->pool = a->p.turn;
	r->writer.to = &r->stream;
	return r;
}

struct recording *recording_new(struct api *a)
{
	struct recording *r = a->record ? make(a) : NULL;

	if (!r && a->record)
		log_warn("what=\"no memory: a session is not recorded\"");
	return r;
}

struct recorder recording_hook(struct recording *r)
{
	return r ? (struct recorder){ &hook, r } : (struct recorder){ 0 };
}

static void write_work(struct job *j)
{
	struct recording *r = CONTAINER_OF(j, struct recording, job);
	int fd = open(r->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool whole = fd >= 0;

	for (size_t done = 0; whole && done < r->stream.n;) {
		ssize_t n = write(fd, r->stream.p + done, r->stream.n - done);

		whole = n > 0;
		done += whole ? (size_t)n : 0;
	}
	if (!whole)
		log_warn("recording=%s path=%s what=\"not written\" why=\"%s\"", r->id, r->path,
			 strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void write_done(struct job *j)
{
	struct recording *r = CONTAINER_OF(j, struct recording, job);

	buf_done(&r->stream);
	mem_free(r->path);
	mem_free(r);
}

void recording_end(struct recording *r)
{
	if (!r)
		return;
	r->job = (struct job){ .work = write_work, .done = write_done, .must_run = true };
	pool_run(r->pool, &r->job);
}
