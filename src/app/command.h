/* command.h - the commands of the program. Each returns the exit code: 0 done, 1 failed, 2 wrong usage. */
#pragma once

#include "app/config.h"

int command_serve(struct config *c);
int command_ingest(struct config *c);
int command_search(struct config *c);
int command_ask(struct config *c);
int command_doctor(struct config *c);
int command_replay(struct config *c);
int command_token(struct config *c);
int command_eval(struct config *c);

/* What `ingest` and `serve --docs` do, with progress on a terminal. Exit code. */
enum ingest_output { INGEST_AS_TEXT, INGEST_AS_JSON, INGEST_SILENT };
/* labels: as in knowledge/ingest.h. */
int ingest_for_command(const char *data, const char *collection, const char *labels,
		       const char *const *paths, size_t n, enum ingest_output how);
