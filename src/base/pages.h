/* Memory that holds parts of files: program text and constants, of us and of the libraries. */
#pragma once

/* What only the start needed of them stays mapped, and counts as ours, until memory is short. This unmaps
 * all that cannot have been changed; what is needed again comes back from the page cache at its next use,
 * some 64 KiB at a time. For when a part of the start is over. */
void pages_give_back(void);
