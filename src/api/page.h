/* page.h - the page: the files of web/, embedded by script/embed.py. */
#pragma once

#include "base/bytes.h"

struct page_file {
	const char *path; /* "/" for index.html, otherwise "/name" */
	const char *type;
	const char *etag; /* quoted */
	struct bytes body;
};

extern const struct page_file page_files[];
extern const size_t n_page_files;
