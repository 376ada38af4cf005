#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/env.h"

enum { WINDOW_S = 10, WINDOW_LINES = 100, LINE = 1024 };

static const char *const names[] = {
	[LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"
};

static enum log_level threshold = LOG_INFO;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Under the lock. false: hold this line back. *held says how many were before it. */
static bool admit(struct log_topic *t, unsigned *held)
{
	uint64_t now = env_now(&env_system);

	*held = 0;
	if (now - t->window_us > (uint64_t)WINDOW_S * US_PER_S || !t->window_us) {
		*held = t->held;
		t->window_us = now;
		t->in_window = t->held = 0;
	}
	if (t->in_window >= WINDOW_LINES) {
		t->held++;
		return false;
	}
	t->in_window++;
	return true;
}

void log_line(struct log_topic *t, enum log_level l, const char *fmt, ...)
{
	char line[LINE];
	unsigned held;

	if (l > threshold)
		return;
	pthread_mutex_lock(&lock);
	bool go = admit(t, &held);
	pthread_mutex_unlock(&lock);
	if (!go)
		return;

	uint64_t wall = env_wall(&env_system);
	time_t s = (time_t)(wall / US_PER_S);
	struct tm tm;
	gmtime_r(&s, &tm);
	size_t n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(line + n, sizeof(line) - n, ".%03uZ %s %s ",
			      (unsigned)(wall / 1000 % 1000), names[l], t->name);

	va_list ap;
	va_start(ap, fmt);
	int m = vsnprintf(line + n, sizeof(line) - n - 32, fmt, ap);
	va_end(ap);
	n += m < 0 ? 0 : MIN((size_t)m, sizeof(line) - n - 33);
	if (held)
		n += (size_t)snprintf(line + n, sizeof(line) - n, " held_back=%u", held);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20)
			line[i] = ' '; /* a stranger's newline must not forge a line */
	line[n++] = '\n';

	ssize_t done = write(STDERR_FILENO, line, n);
	(void)done; /* a log that cannot be written is not worth dying for */
}

void log_set_level(enum log_level l)
{
	threshold = l;
}

bool log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}
