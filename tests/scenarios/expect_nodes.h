/* What a scenario expects of nodes and of the blocks of the cluster pool; see README.md. */
#pragma once

#include "expect.h"

size_t node_writes(const struct cluster *c);
void check_nodes(const struct run *r, const struct js *want, struct buf *wrong);
/* No two nodes without an error overlap, and no address of a Service lies in what a node has. */
void check_blocks(struct cluster *c, struct buf *wrong);
