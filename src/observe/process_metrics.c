#include "observe/process_metrics.h"

#include "io/file.h"
#include "observe/build_info.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Of a file below /proc: /proc/stat has a long line of interrupts. */
enum { PROC_MAX = 1024 * 1024 };

/* proc(5): field n of the line, counted from 1. Names of programs may hold blanks and brackets, so the
 * count starts behind the last bracket, which ends field 2. */
static double field(struct slice after_name, int n)
{
	struct slice word;
	for (int at = 3; slice_cut(&after_name, ' ', &word); at++)
		if (at == n)
			return strtod(word.ptr, NULL);
	return 0;
}

bool process_stat_parse(struct slice text, long ticks, long page, struct process_stat *ret)
{
	const char *bracket = text.len ? memrchr(text.ptr, ')', text.len) : NULL;
	size_t skipped = bracket ? (size_t)(bracket - text.ptr) + 2 : 0;
	if (!bracket || skipped >= text.len || ticks <= 0)
		return false;
	struct slice rest = { text.ptr + skipped, text.len - skipped };
	*ret = (struct process_stat){
		.start_seconds = field(rest, 22) / (double)ticks,
		.virtual_bytes = field(rest, 23),
		.resident_bytes = field(rest, 24) * (double)page,
	};
	return true;
}

/* When the machine started, seconds since 1970; 0 = unknown. */
static double boot_time(void)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(PROC_MAX);
	if (file_read("/proc/stat", &text, NULL, NULL) < 0)
		return 0;
	const char *line = strstr(buf_str(&text), "\nbtime ");
	return line ? strtod(line + strlen("\nbtime "), NULL) : 0;
}

static void add_stat(struct metrics *m)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(PROC_MAX);
	struct process_stat s;
	if (file_read("/proc/self/stat", &text, NULL, NULL) < 0 ||
	    !process_stat_parse(buf_slice(&text), sysconf(_SC_CLK_TCK), sysconf(_SC_PAGESIZE), &s))
		return;
	metrics_family(m, "process_resident_memory_bytes", METRIC_GAUGE, "Resident memory");
	metrics_value(m, s.resident_bytes);
	metrics_family(m, "process_virtual_memory_bytes", METRIC_GAUGE, "Virtual memory");
	metrics_value(m, s.virtual_bytes);
	double boot = boot_time();
	if (boot > 0) {
		metrics_family(m, "process_start_time_seconds", METRIC_GAUGE,
			       "When the process started, in seconds since 1970");
		metrics_value(m, boot + s.start_seconds);
	}
}

static void add_files(struct metrics *m)
{
	struct rlimit limit;
	DIR *dir = opendir("/proc/self/fd");
	if (dir) {
		/* Without "." and "..", and the folder itself is open only for this. */
		int n = -3;
		while (readdir(dir))
			n++;
		(void)closedir(dir);
		metrics_family(m, "process_open_fds", METRIC_GAUGE, "Open file descriptors");
		metrics_value(m, n);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
		metrics_family(m, "process_max_fds", METRIC_GAUGE, "How many file descriptors may be open");
		metrics_value(m, (double)limit.rlim_cur);
	}
}

/* Finer than the clock ticks of /proc/self/stat. */
static void add_cpu(struct metrics *m)
{
	struct timespec used;
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) < 0)
		return;
	metrics_family(m, "process_cpu_seconds_total", METRIC_COUNTER, "User and system CPU time spent");
	metrics_value(m, (double)used.tv_sec + (double)used.tv_nsec / 1e9);
}

void process_metrics(struct metrics *m)
{
	add_cpu(m);
	add_stat(m);
	add_files(m);
}

void build_metrics(struct metrics *m)
{
	metrics_family(m, "berth_build_info", METRIC_GAUGE, "What this program was built from; always 1");
	metrics_value(m, 1, LABEL("version", build_version()), LABEL("commit", build_commit()),
		      LABEL("compiler", build_compiler()));
}
