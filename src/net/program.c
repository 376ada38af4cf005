#include "net/program.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/loop.h"

enum { PIECE = 65536, ENVIRONMENT = 96, OUR_PIPES = 3 };

enum { KNOWN = 64 };

/* The process groups that run, for program_kill_all(). 0: free. */
static _Atomic(pid_t) known[KNOWN];

static void replace_known(pid_t from, pid_t to)
{
	for (size_t i = 0; i < KNOWN; i++) {
		pid_t is = from;

		if (atomic_compare_exchange_strong(&known[i], &is, to))
			return;
	}
}

void program_kill_all(void)
{
	for (size_t i = 0; i < KNOWN; i++) {
		pid_t pid = atomic_load(&known[i]);

		if (pid > 0)
			kill(-pid, SIGKILL);
	}
}

/* Our ends of its standard descriptors. */
enum { IN, OUT, NOTES };

struct program {
	struct loop *loop;
	const struct program_ops *ops;
	void *owner;
	uv_process_t process;
	uv_pipe_t pipes[OUR_PIPES];
	struct timer patience; /* until the next signal */
	unsigned n_handles;    /* that libuv still knows */
	bool stopping, killed, ended;
	char why[PROGRAM_WHY];
	char note[PROGRAM_NOTE_MAX + 1];
	size_t n_note;
	char piece[PIECE];
};

/* --- the end ------------------------------------------------------------------------------------ */

static void on_handle_closed(uv_handle_t *h)
{
	struct program *p = h->data;

	if (--p->n_handles > 0)
		return;
	timer_stop(p->loop, &p->patience);
	p->ops->on_end(p->owner, p->why);
	mem_free(p);
}

static void close_pipe(struct program *p, size_t i)
{
	uv_handle_t *h = (uv_handle_t *)&p->pipes[i];

	if (!uv_is_closing(h))
		uv_close(h, on_handle_closed);
}

static void signal_group(struct program *p, int number)
{
	if (p->process.pid > 0 && !p->ended)
		kill(-p->process.pid, number);
}

static void on_impatient(struct timer *t)
{
	struct program *p = CONTAINER_OF(t, struct program, patience);

	signal_group(p, p->killed ? SIGKILL : SIGTERM);
	if (p->killed)
		return;
	p->killed = true;
	/* No memory for a timer: the process is gone with the next signal, or was with the last. */
	if (timer_set(p->loop, t, loop_now_us(p->loop) + (uint64_t)PROGRAM_KILL_MS * US_PER_MS) != 0)
		signal_group(p, SIGKILL);
}

static void stop(struct program *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	close_pipe(p, IN);
	if (p->ended)
		return;
	if (timer_set(p->loop, &p->patience, loop_now_us(p->loop) + (uint64_t)PROGRAM_TERM_MS * US_PER_MS) != 0)
		signal_group(p, SIGKILL);
}

void program_stop(struct program *p)
{
	stop(p);
	close_pipe(p, OUT);
	close_pipe(p, NOTES);
}

static void on_exit_(uv_process_t *process, int64_t status, int number)
{
	struct program *p = process->data;

	/* What it has started and left behind ends, too. */
	kill(-process->pid, SIGKILL);
	replace_known(process->pid, 0);
	p->ended = true;
	if (number)
		snprintf(p->why, sizeof(p->why), "It was ended by signal %d.", number);
	else
		snprintf(p->why, sizeof(p->why), "It ended with status %lld.", (long long)status);
	for (size_t i = 0; i < OUR_PIPES; i++)
		close_pipe(p, i);
	uv_close((uv_handle_t *)process, on_handle_closed);
}

/* --- what it says --------------------------------------------------------------------------------- */

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
	struct program *p = h->data;

	(void)suggested;
	*out = uv_buf_init(p->piece, PIECE);
}

static void on_out(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct program *p = stream->data;

	if (n > 0)
		p->ops->on_data(p->owner, bytes_of(b->base, (size_t)n));
	else if (n < 0) /* nothing will come any more: it shall not stay without an ear */
		stop(p);
}

static void end_note(struct program *p)
{
	p->note[p->n_note] = 0;
	if (p->n_note)
		p->ops->on_note(p->owner, p->note);
	p->n_note = 0;
}

static void on_notes(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct program *p = stream->data;

	for (ssize_t i = 0; i < n; i++) {
		char c = b->base[i];

		if (c == '\n')
			end_note(p);
		else if (p->n_note < PROGRAM_NOTE_MAX)
			p->note[p->n_note++] = (unsigned char)c < ' ' || c == 0x7f ? ' ' : c;
	}
}

/* --- what it is told -------------------------------------------------------------------------------- */

struct writing {
	uv_write_t req;
	char data[];
};

static void on_written(uv_write_t *req, int status)
{
	(void)status; /* a program that is gone says so by on_exit_() */
	mem_free(CONTAINER_OF(req, struct writing, req));
}

int program_write(struct program *p, struct bytes data)
{
	uv_stream_t *to = (uv_stream_t *)&p->pipes[IN];

	if (uv_is_closing((uv_handle_t *)to))
		return -EPIPE;
	if (uv_stream_get_write_queue_size(to) + data.n > PROGRAM_QUEUE)
		return -EAGAIN;
	struct writing *w = mem_alloc(sizeof(*w) + data.n);
	if (!w)
		return -ENOMEM;
	memcpy(w->data, data.p, data.n);
	uv_buf_t b = uv_buf_init(w->data, (unsigned)data.n);
	int r = uv_write(&w->req, to, &b, 1, on_written);
	if (r != 0)
		mem_free(w);
	return r;
}

/* --- the beginning ------------------------------------------------------------------------------------ */

/* What a program gets of our environment; "NAME=" as in environ. */
static const char *const kept[] = { "HOME=", "LANG=", "LOGNAME=", "PATH=", "SHELL=", "TERM=", "TMPDIR=", "USER=" };

static void make_environment(const struct program_params *params, char *to[static ENVIRONMENT])
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		for (char **e = environ; *e; e++)
			if (strncmp(*e, kept[i], strlen(kept[i])) == 0)
				to[n++] = *e;
	for (size_t i = 0; params->environment && params->environment[i] && n + 1 < ENVIRONMENT; i++)
		to[n++] = (char *)(uintptr_t)params->environment[i];
	to[n] = NULL;
}

static int spawn(struct program *p, const struct program_params *params)
{
	char *environment[ENVIRONMENT];
	uv_stdio_container_t stdio[OUR_PIPES];
	uv_process_options_t o = {
		.exit_cb = on_exit_,
		.file = params->argv[0],
		.args = (char **)(uintptr_t)params->argv,
		.env = environment,
		.flags = UV_PROCESS_DETACHED, /* setsid(2): a process group of its own */
		.stdio_count = OUR_PIPES,
		.stdio = stdio,
	};

	make_environment(params, environment);
	for (size_t i = 0; i < OUR_PIPES; i++) {
		stdio[i].flags = UV_CREATE_PIPE | (i == IN ? UV_READABLE_PIPE : UV_WRITABLE_PIPE);
		stdio[i].data.stream = (uv_stream_t *)&p->pipes[i];
	}
	return uv_spawn(loop_uv(p->loop), &p->process, &o);
}

static void on_failed_closed(uv_handle_t *h)
{
	struct program *p = h->data;

	if (--p->n_handles == 0)
		mem_free(p);
}

int program_start(struct program **out, struct loop *l, const struct program_params *params)
{
	struct program *p = mem_zalloc(sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->loop = l;
	p->ops = params->ops;
	p->owner = params->owner;
	p->patience.on_due = on_impatient;
	for (size_t i = 0; i < OUR_PIPES; i++) {
		uv_pipe_init(loop_uv(l), &p->pipes[i], 0);
		p->pipes[i].data = p;
	}
	p->process.data = p;
	p->n_handles = OUR_PIPES + 1;
	int r = spawn(p, params);
	if (r != 0) {
		for (size_t i = 0; i < OUR_PIPES; i++)
			uv_close((uv_handle_t *)&p->pipes[i], on_failed_closed);
		uv_close((uv_handle_t *)&p->process, on_failed_closed);
		return r;
	}
	replace_known(0, p->process.pid);
	uv_read_start((uv_stream_t *)&p->pipes[OUT], on_room, on_out);
	uv_read_start((uv_stream_t *)&p->pipes[NOTES], on_room, on_notes);
	*out = p;
	return 0;
}
