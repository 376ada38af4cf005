/* mcp_stdio.h - an MCP server that is a program of the operator's: a message is a line
 * (MCP, basic/transports, "stdio"). What it says on standard error is logged. */
#pragma once

#include "service/mcp_way.h"

extern const struct mcp_way_ops mcp_stdio_ops;
