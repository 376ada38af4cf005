/* Any octets as what pdftotext says of a PDF: pages apart by form feeds. Links: the knowledge layer. */
#include "document/pdf.h"
#include "fuzz/outline.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(outline) struct outline o = { 0 };
	AUTO(buf) struct buf text = { 0 };

	utf8_import(&text, bytes_of(p, n));
	pdf_text_read(&o, buf_bytes(&text));
	outline_check(&o);
	return 0;
}
