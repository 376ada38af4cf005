/* guard.h - may we connect to an address that a stranger has named? Pure.
 *
 * Loopback, private, shared, link-local, multicast, documentation and other special ranges of
 * IPv4 and IPv6 (IANA special-purpose registries; RFC 6890), and IPv4 inside IPv6, are inside.
 */
#pragma once

#include "base/addr.h"

MUST_USE bool guard_is_public(const struct addr *a);
