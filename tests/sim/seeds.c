#include "seeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int run_seeds(int argc, char **argv, unsigned steps,
	      struct seed_result (*run)(uint64_t seed, unsigned steps, bool trace))
{
	steps = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : steps;
	unsigned seeds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 20;
	const char *given = getenv("SEED"), *from = getenv("FROM");
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (given)
		seeds = 1;
	for (unsigned i = 0; i < seeds; i++) {
		uint64_t seed = given ? strtoull(given, NULL, 10)
				: i + 1 < seeds || from
					? (from ? strtoull(from, NULL, 10) : 1) + i
					: (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
		struct seed_result r = run(seed, steps, getenv("TRACE") != NULL);
		printf("SEED=%llu: %u writes to statuses, %u quiet moments%s\n", (unsigned long long)seed,
		       r.n_writes, r.n_quiet, r.failed ? ": FAILED" : "");
		if (r.failed)
			return 1;
	}
	return 0;
}

void print_broken(const char *fmt, va_list ap)
{
	printf("BROKEN: ");
	(void)vprintf(fmt, ap);
	printf("\n");
}
