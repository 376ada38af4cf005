/* file.h - whole files, with a sentence for people when it does not work. */
#pragma once

#include "base/buf.h"

enum { FILE_WHY = 320 };

/* Appends the content. −errno and a sentence in why[]: missing, a directory, larger than max, … */
MUST_USE int file_read(const char *path, size_t max, struct buf *to, char why[static FILE_WHY]);
/* Writes beside and renames, so that a file is whole or not there. */
MUST_USE int file_write(const char *path, struct bytes content, char why[static FILE_WHY]);
/* Makes the directory and its parents, 0700. */
MUST_USE int file_mkdir(const char *path, char why[static FILE_WHY]);
