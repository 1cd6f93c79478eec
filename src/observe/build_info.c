#include "observe/build_info.h"

#include "base/mem.h"
#include "build_commit.h" /* made by the build, as are all BUILD_ words */

static const struct build_library libraries[] = { BUILD_LIBRARIES };

const char *build_version(void)
{
	return BUILD_VERSION;
}

const char *build_commit(void)
{
	return BUILD_COMMIT;
}

const char *build_compiler(void)
{
	return BUILD_COMPILER;
}

struct build_library build_library(size_t i)
{
	return i < ARRAY_LEN(libraries) ? libraries[i] : (struct build_library){ 0 };
}
