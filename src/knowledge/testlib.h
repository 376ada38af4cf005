/* testlib.h - SQLite in tests that count memory. For tests and benches only. */
#pragma once

#include "base/testdir.h"
#include "knowledge/store.h"

/* SQLite's memory is counted, and given back at the end: AUTO(testlib) int lib = testlib_new(); */
static inline int testlib_new(void)
{
	return store_init();
}

static inline void testlib_auto_(int *lib)
{
	(void)lib;
	store_exit();
}
