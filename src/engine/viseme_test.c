#include "engine/viseme.h"

#include "base/test.h"

static void each_kind_of_sound_has_its_shape(void)
{
	CHECK_EQ(viseme_of("pau"), 0);
	CHECK_EQ(viseme_of("aa"), 2);
	CHECK_EQ(viseme_of("ow"), 8);
	CHECK_EQ(viseme_of("b"), viseme_of("m"));
	CHECK_EQ(viseme_of("m"), 21);
	CHECK_EQ(viseme_of("axr"), 5);
	CHECK(viseme_of("s") != viseme_of("sh"));
	CHECK_EQ(viseme_of(""), VISEME_SILENCE);
	CHECK_EQ(viseme_of("unheard"), VISEME_SILENCE);
}

TESTS({ "each_kind_of_sound_has_its_shape", each_kind_of_sound_has_its_shape })
