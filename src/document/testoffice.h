/* testoffice.h - office files of hand-made parts: what real files seldom hold. */
#pragma once

#include "document/testcorpus.h"
#include "document/testzip.h"

/* Members by name and content, an empty name last; reads it and compares the lines. */
#define CHECK_OFFICE(read, members, lines)							   \
	do {											   \
		AUTO(testzip) struct testzip made_ = { 0 };					   \
		AUTO(outline) struct outline outline_ = { 0 };					   \
		AUTO(buf) struct buf got_ = { 0 };						   \
		for (size_t nth_ = 0; nth_ < ARRAY_LEN(members); nth_++)			   \
			testzip_add(&made_, (members)[nth_][0], bytes_str((members)[nth_][1]));	   \
		buf_puts(&got_, "");								   \
		struct bytes zip_ = testzip_end(&made_);					   \
		CHECK(!made_.out.failed && !made_.directory.failed);				   \
		CHECK_EQ(read(&outline_, zip_), EXTRACT_OK);					   \
		outline_lines(&outline_, &got_);						   \
		CHECK(!got_.failed && outline_sound(&outline_));				   \
		CHECK_STR((char *)got_.p, lines);						   \
	} while (0)
