/* odf.c - an OpenDocument file of which one part is anything (office.h), or a whole file: what comes out is
 * valid UTF-8, its blocks lie in order inside the text, and it can be cut into passages.
 * Links: the knowledge layer. */
#include "document/odf.h"
#include "fuzz/office.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* clang-format off */
static const struct office_part parts[] = {
	{ "content.xml",
	  "<o:d xmlns:o='o' xmlns:t='t'><o:text><t:h t:outline-level='1'>H</t:h><t:p>p</t:p></o:text></o:d>" },
	{ "styles.xml",
	  "<s><style name='P' family='paragraph' parent-style-name='Title'/></s>" },
	{ "meta.xml",
	  "<m><title>T</title></m>" },
};
/* clang-format on */

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	office_fuzz(odf_read, parts, ARRAY_LEN(parts), bytes_of(p, n));
	return 0;
}
