/* command.h - the commands of the program. Each returns the exit code: 0 done, 1 failed, 2 wrong usage. */
#pragma once

#include "app/config.h"

int command_serve(struct config *c);
int command_ingest(struct config *c);
int command_documents(struct config *c);
int command_search(struct config *c);
int command_ask(struct config *c);
int command_doctor(struct config *c);
int command_replay(struct config *c);
int command_token(struct config *c);

/* The tags of the command line as the store has them (store.h); NULL: none were given, or one is no
 * word, which has been said (*bad). Lives as long as the config. */
const char *tags_for_command(struct config *c, bool *bad);
