/* redact_main.c - how fast the redactor is, by the number of secrets it knows, over output of several kinds.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/redact.h"

#define SIZE (16 * 1024 * 1024)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double measure(int secrets, const char *text, size_t length)
{
	struct redactor *redactor = redactor_new();
	struct buffer out = {0};
	char secret[64];
	double start, took;
	int i;

	srandom(7);
	for (i = 0; i < secrets; i++) {
		snprintf(secret, sizeof(secret), "%08lx-%d-it's/%08lx", random(), i, random());
		redactor_learn(redactor, secret, strlen(secret));
	}
	start = now();
	redact(redactor, text, length, &out);
	took = now() - start;
	buffer_free(&out);
	redactor_free(redactor);
	return (double)length / took / 1e6;
}

int main(void)
{
	static const struct {
		const char *name, *line;
	} kinds[] = {
	    {"log lines", "2026-11-30T22:00:00Z GET /api/v1/users/42?page=3 200 12ms backend-green-1 user "
			  "agent curl/7.88.1\n"},
	    {"JSON rows", "[\"effect.ended\",\"0/3:17\",\"\",\"ok\",{\"code\":0,\"stdout\":\"HTTP/1.1 200 "
			  "OK\\r\\nContent-Type: a\\n\"},17,42]\n"},
	    {"percent-encoded",
	     "%7B%22status%22%3A%22ok%22%2C%22path%22%3A%22%2Fsrv%2Fx%22%7D&next=%2Fa+b+c"},
	    {"quotes alone", "'\"\\'\"\\'\"\\"},
	};
	static const int counts[] = {1, 40, 1000};
	char *text = memory_need(malloc(SIZE + 1));
	size_t kind, i, length;

	printf("%-16s %12s %12s %12s   (MB/s)\n", "output", "1 secret", "40", "1000");
	for (kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
		length = kind == 3 ? SIZE / 256 : SIZE;
		for (i = 0; i < length; i++)
			text[i] = kinds[kind].line[i % strlen(kinds[kind].line)];
		printf("%-16s", kinds[kind].name);
		for (i = 0; i < 3; i++)
			printf(" %12.1f", measure(counts[i], text, length));
		putchar('\n');
		fflush(stdout);
	}
	free(text);
	return 0;
}
