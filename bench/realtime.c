/* realtime.c - what a link to a realtime service costs in this process: sending audio, hearing events,
 * memory.
 *
 *   bench_realtime [openai|azure|azure-preview|voice-live]
 *
 * The service is another process on loopback (realtime_rig.h), so that its work is not counted; what it says
 * is made here and given to the link as a frame from the wire, whole. Percentiles over single operations.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "bench/speed.h"
#include "service/realtime_inner.h"
#include "service/realtime_rig.h"

enum { ROUNDS = 20000, WARM = 200, LINKS = 200, FRAME = REALTIME_RATE_HZ / 50 };

static unsigned n_open;
static uint64_t n_heard;

static void on_open(void *owner, uint64_t link)
{
	(void)owner, (void)link;
	n_open++;
}

static void on_text(void *owner, uint64_t link, uint64_t ref, const char *text)
{
	(void)owner, (void)link, (void)ref;
	n_heard += strlen(text);
}

static void on_audio(void *owner, uint64_t link, uint64_t ref, const int16_t *pcm, size_t n)
{
	(void)owner, (void)link, (void)ref, (void)pcm;
	n_heard += n;
}

static void on_words(void *owner, uint64_t link, const char *text)
{
	(void)owner, (void)link;
	n_heard += strlen(text);
}

static void on_done(void *owner, uint64_t link, uint64_t ref, enum llm_finish f, const struct llm_usage *u)
{
	(void)owner, (void)link, (void)ref, (void)f, (void)u;
}

static void on_error(void *owner, uint64_t link, uint64_t ref, const struct engine_error *e)
{
	(void)owner, (void)link, (void)ref, (void)e;
}

static void on_lost(void *owner, uint64_t link, const struct engine_error *e, uint64_t again_us)
{
	(void)owner, (void)link, (void)again_us;
	fprintf(stderr, "lost: %s\n", e->message);
	exit(1);
}

static const struct realtime_sink sink = { .on_open = on_open, .on_text = on_text, .on_transcript = on_text,
					   .on_audio = on_audio, .on_words_delta = on_words, .on_words = on_words,
					   .on_done = on_done, .on_failed = on_error, .on_lost = on_lost };

/* --- the other process ------------------------------------------------------------------------- */

static void serve(int fd, bool flat)
{
	static struct up_server up = { .many = true };
	struct loop *loop;

	if (loop_new(&loop, 0) != 0 || !up_open(&up, loop) ||
	    write(fd, &up.at, sizeof(up.at)) != sizeof(up.at))
		_exit(1);
	up.flat = flat;
	for (;;)
		loop_once(loop, 1);
}

static pid_t start_service(struct addr *at, bool flat)
{
	int fds[2];

	if (pipe(fds) != 0)
		exit(1);
	pid_t pid = fork();
	if (pid == 0)
		serve(fds[1], flat);
	if (pid < 0 || read(fds[0], at, sizeof(*at)) != sizeof(*at))
		exit(1);
	return pid;
}

static struct realtime_link *open_link(struct realtime *e, struct loop *loop)
{
	json_t *session = json_pack("{s:[s],s:s}", "output_modalities", "audio", "instructions", "Be brief.");
	const struct realtime_start start = { .session = session };
	struct realtime_link *l;
	unsigned had = n_open;

	if (realtime_ws_ops.open(e, &l, &start, loop, &sink, NULL, 1) != 0)
		exit(1);
	json_decref(session);
	for (int i = 0; i < 2000 && n_open == had; i++)
		loop_once(loop, 1);
	if (n_open == had)
		exit(1);
	return l;
}

/* --- rows ---------------------------------------------------------------------------------------- */

static double times[ROUNDS];

static void print_row(const char *name, size_t n)
{
	qsort(times, n, sizeof(times[0]), speed_compare);
	printf("%-44s %8.1f %8.1f %8.1f\n", name, 1e6 * times[n / 2], 1e6 * times[n * 99 / 100],
	       1e6 * times[n - 1]);
}

static void drain(struct loop *loop, struct realtime_link *l)
{
	while (ws_client_queued(l->ws) > 0)
		loop_once(loop, 0);
}

/* 20 ms as the session pushes it: every second one is a message. */
static void row_push(struct loop *loop, struct realtime_link *l)
{
	static int16_t pcm[FRAME];

	for (int i = -WARM; i < ROUNDS; i++) {
		double from = speed_now();

		realtime_ws_ops.push(l, pcm, FRAME);
		if (i >= 0)
			times[i] = speed_now() - from;
		if (i % 16 == 0)
			drain(loop, l);
	}
	print_row("20 ms of audio to the service", ROUNDS);
}

static void on_frame(void *owner, enum ws_kind kind, struct bytes data)
{
	(void)kind;
	rt_enter(owner);
	rt_message(owner, data);
	(void)rt_leave(owner);
}

/* An event as a frame from the wire, to the sink. */
static void row_event(struct realtime_link *l, const char *name, struct bytes text)
{
	struct ws *theirs, *ours;
	AUTO(buf) struct buf wire = { 0 };

	if (ws_new(&theirs, on_frame, NULL) != 0 || ws_new_client(&ours, &env_system, 0, on_frame, l) != 0 ||
	    ws_send_text(theirs, WS_CONTROL, 0, text) != 0 || ws_output(theirs, &wire, SIZE_MAX) != 0)
		exit(1);
	for (int i = -WARM; i < ROUNDS; i++) {
		double from = speed_now();

		if (ws_input(ours, buf_bytes(&wire)) != WS_OPEN)
			exit(1);
		if (i >= 0)
			times[i] = speed_now() - from;
	}
	print_row(name, ROUNDS);
	ws_free(theirs);
	ws_free(ours);
}

static void rows_events(struct realtime_link *l, bool flat)
{
	static int16_t pcm[REALTIME_RATE_HZ / 10];
	AUTO(buf) struct buf delta = { 0 };
	struct buf audio[2] = { { 0 }, { 0 } };
	const char *said = flat ? "response.audio_transcript.delta" : "response.output_audio_transcript.delta";
	struct rt_answer *a = rt_answer_new(l, 1);

	if (!a)
		exit(1);
	a->state = RT_RUNNING;
	snprintf(a->id, sizeof(a->id), "resp_1");
	buf_printf(&delta, "{\"type\":\"%s\",\"event_id\":\"event_0123456789\",\"response_id\":\"resp_1\","
			   "\"item_id\":\"item_1\",\"output_index\":0,\"content_index\":0,\"delta\":\" words\"}", said);
	row_event(l, "a piece of transcript from the service", buf_bytes(&delta));
	for (int i = 0; i < 2; i++) {
		buf_printf(&audio[i], "{\"type\":\"%s\",\"event_id\":\"event_0123456789\",\"response_id\":\"resp_1\","
				      "\"item_id\":\"item_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"",
			   flat ? "response.audio.delta" : "response.output_audio.delta");
		b64_append(&audio[i], pcm, (i ? ARRAY_LEN(pcm) : FRAME) * sizeof(pcm[0]));
		buf_puts(&audio[i], "\"}");
	}
	row_event(l, "20 ms of audio from the service", buf_bytes(&audio[0]));
	row_event(l, "100 ms of audio from the service", buf_bytes(&audio[1]));
	buf_done(&audio[0]);
	buf_done(&audio[1]);
}

static void row_memory(struct realtime *e, struct loop *loop)
{
	static struct realtime_link *links[LINKS];
	static int16_t pcm[FRAME];
	size_t before = mallinfo2().uordblks;

	for (size_t i = 0; i < LINKS; i++)
		links[i] = open_link(e, loop);
	for (int k = 0; k < 10; k++)
		for (size_t i = 0; i < LINKS; i++)
			realtime_ws_ops.push(links[i], pcm, FRAME);
	printf("%-44s %8.1f\n", "memory of a link that sends audio, KB",
	       (double)(mallinfo2().uordblks - before) / LINKS / 1024);
	for (size_t i = 0; i < LINKS; i++)
		realtime_ws_ops.close(links[i]);
}

int main(int argc, char **argv)
{
	const char *api = argc > 1 ? argv[1] : "openai";
	bool flat = strcmp(api, "azure-preview") == 0 || strcmp(api, "voice-live") == 0;
	struct up_server up = { 0 };
	struct service service;
	struct realtime_ws_params p = { .services = &service, .n_services = 1 };
	struct realtime *e;
	struct loop *loop;
	char why[REALTIME_WHY];

	json_init();
	pid_t pid = start_service(&up.at, flat);
	if (!up_service(&up, &service, api, 20000) || loop_new(&loop, 0) != 0 ||
	    realtime_ws_new(&e, &p, why) != 0)
		return 1;
	printf("%-44s %8s %8s %8s\n", "us", "p50", "p99", "longest");
	struct realtime_link *l = open_link(e, loop);
	row_push(loop, l);
	rows_events(l, flat);
	row_memory(e, loop);
	realtime_ws_ops.free(e);
	loop_free(loop);
	service_done(&service);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return n_heard == 0;
}
