/* entity.h - character references of HTML that occur in text files: &amp; &#169; &#x20;. */
#pragma once

#include "base/buf.h"

/* If t begins with a reference we know, append its character and return its octets; else 0. */
size_t entity_put(struct buf *to, struct bytes t);
