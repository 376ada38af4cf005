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
int command_eval(struct config *c);

