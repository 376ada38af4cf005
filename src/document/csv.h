/* csv.h - comma-separated values (RFC 4180) and their cousins, into rows with their header.
 *
 * The separator is the one of , ; tab | that the first lines have most evenly. A first row
 * without numbers is the header.
 */
#pragma once

#include "document/outline.h"

/* `text` is UTF-8 with \n as line end. */
void csv_read(struct outline *to, struct bytes text);
