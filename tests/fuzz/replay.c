/* Runs a fuzz target over files and folders of files, as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, size_t size)
{
	/* Of the exact size, so that the address sanitizer sees one byte too many. */
	uint8_t *data = malloc(size ? size : 1);
	FILE *f = fopen(path, "re");
	if (!data || !f || fread(data, 1, size, f) != size) {
		perror(path);
		exit(1);
	}
	(void)fclose(f);
	(void)fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int replay(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		perror(path);
		exit(1);
	}
	if (!S_ISDIR(st.st_mode))
		return replay_file(path, (size_t)st.st_size);
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort), files = 0;
	for (int i = 0; i < n; i++) {
		char inside[4096];
		(void)snprintf(inside, sizeof(inside), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			files += replay(inside);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return files;
}

int main(int argc, char **argv)
{
	int files = 0;
	for (int i = 1; i < argc; i++)
		files += replay(argv[i]);
	(void)fprintf(stderr, "%d files\n", files);
	/* An empty corpus would prove nothing. */
	return files > 0 ? 0 : 1;
}
