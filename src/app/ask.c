/* ask.c - one question on the command line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/asking.h"
#include "app/command.h"
#include "app/file.h"
#include "media/wav.h"

static void print_people(const struct config *c, const struct asked *a)
{
	size_t i;
	json_t *s;

	if (c->wav)
		printf("Heard: %s\n\n", (const char *)a->question.p);
	printf("%s\n", a->answer.p ? (const char *)a->answer.p : "");
	json_array_foreach(a->sources, i, s)
	{
		int64_t page = json_int(s, "page", 0);

		printf("%s  %s", i ? "" : "\n", json_str(s, "title", json_str(s, "file", "?")));
		if (page > 0)
			printf(", page %lld", (long long)page);
		if (*json_str(s, "heading", ""))
			printf(" > %s", json_str(s, "heading", ""));
		printf("  (%s)\n", json_str(s, "file", "?"));
	}
}

static int print_json(const struct asked *a)
{
	AUTO(buf) struct buf out = { 0 };
	AUTO(json)
	json_t *o =
		json_pack("{s:s, s:s, s:o}", "question", a->question.p ? (char *)a->question.p : "",
			  "answer", a->answer.p ? (char *)a->answer.p : "", "sources",
			  a->sources ? json_incref(a->sources) : json_array());

	json_write(&out, o);
	if (out.failed)
		return -ENOMEM;
	puts((const char *)out.p);
	return 0;
}

static int write_speech(const char *path, struct asked *a)
{
	AUTO(buf) struct buf file = { 0 };

	wav_write(&file, ASKED_RATE_HZ, (const int16_t *)(const void *)a->speech.p,
		  a->speech.n / 2);
	if (file.failed) {
		snprintf(a->why, sizeof(a->why), "out of memory");
		return -ENOMEM;
	}
	return file_write(path, buf_bytes(&file), a->why);
}

int command_ask(struct config *c)
{
	AUTO(asked) struct asked a = { 0 };
	AUTO(parts) struct parts *parts = NULL;
	AUTO(buf) struct buf text = { 0 };
	char groups[LABELS_SIZE];
	struct question q = { .groups = c->groups.n ? groups : NULL, .wav = c->wav, .voice = c->speak ? c->voice : NULL };

	if (!c->wav == (c->words.n == 0)) {
		fprintf(stderr, "usage: voiced ask [options] (TEXT | --wav FILE)\n");
		return 2;
	}
	if (config_set_of(&c->groups, "group", groups) != 0)
		return 2;
	for (size_t i = 0; i < c->words.n; i++)
		buf_printf(&text, "%s%s", i ? " " : "", c->words.at[i]);
	q.text = (const char *)text.p;
	int r = text.failed ? -ENOMEM : 0;
	if (r == 0)
		r = parts_open(&parts, c, c->wav ? PARTS_SPOKEN : PARTS_TYPED, a.why);
	if (r == 0)
		r = asking(parts, &q, &a);
	if (r == 0)
		r = c->json ? print_json(&a) : (print_people(c, &a), 0);
	if (r == 0 && c->speak)
		r = write_speech(c->speak, &a);
	if (r != 0)
		fprintf(stderr, "voiced: %s\n", a.why[0] ? a.why : strerror(-r));
	return r != 0;
}
