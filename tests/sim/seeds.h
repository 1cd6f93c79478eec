/* What both simulators share: which seeds are run, and how it is told what came of them. See README.md. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

struct seed_result {
	unsigned n_writes, n_quiet;
	bool failed;
};

/* Runs the seeds that the arguments [STEPS [SEEDS]] and the environment ask for until one fails. Returns what
 * main() is to. */
int run_seeds(int argc, char **argv, unsigned steps,
	      struct seed_result (*run)(uint64_t seed, unsigned steps, bool trace));
/* One line that says what does not hold. */
[[gnu::format(printf, 1, 0)]] void print_broken(const char *fmt, va_list ap);
