/* What this program was built from. */
#pragma once

#include <stddef.h>

const char *build_version(void);  /* "0.1.0" */
const char *build_commit(void);   /* of git, with "-dirty" where files had changed; "unknown" */
const char *build_compiler(void); /* "gcc 12.2.0" */

struct build_library {
	const char *name, *version; /* name NULL = the end */
};
struct build_library build_library(size_t i);
