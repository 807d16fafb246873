/* SPDX-License-Identifier: Apache-2.0 */
/* Replays tests/fixtures/smuggling: see its README for what the names say. */
#include "tests/support/net_server.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define FOLDER "tests/fixtures/smuggling"

static void read_file(const char *name, struct buf *into)
{
	char path[512], bytes[4096];
	(void)snprintf(path, sizeof(path), FOLDER "/%s", name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	buf_append(into, slice_of(bytes, fread(bytes, 1, sizeof(bytes), file)));
	(void)fclose(file);
}

/* Statuses of final answers, joined by hyphens. */
static void statuses(const struct buf *in, char *text, size_t size)
{
	size_t at = 0, used = 0;
	text[0] = 0;
	const uint8_t *found;
	while (at < in->len && (found = memmem(in->data + at, in->len - at, "HTTP/1.1 ", 9))) {
		used += (size_t)snprintf(text + used, size - used, "%s%.3s", used ? "-" : "",
					 (const char *)found + 9);
		at = (size_t)(found - in->data) + 9;
	}
}

static void replay(struct net_server *server, const char *name, size_t piece)
{
	struct buf bytes = BUF_INIT, in = BUF_INIT;
	char expected[64] = "", got[64];
	const char *dot = strchr(name, '.');
	(void)snprintf(expected, sizeof(expected), "%.*s", (int)strcspn(dot + 1, "."), dot + 1);
	read_file(name, &bytes);
	int fd = net_server_connect(server);
	(void)net_send(&server->loop, fd, buf_slice(&bytes), piece); /* may be cut by a refusal */
	net_settle(&server->loop);
	bool open = net_receive(fd, &in);
	if (expected[0] == '4' && open)
		open = !net_receive_end(&server->loop, fd, &in);
	statuses(&in, got, sizeof(got));
	if (strcmp(got, expected) != 0 || open != (expected[0] == '2'))
		print_error("%s (pieces of %zu): got %s and %s\n", name, piece, got,
			    open ? "open" : "the end");
	assert_string_equal(got, expected);
	assert_int_equal(open, expected[0] == '2');
	(void)close(fd);
	buf_fini(&bytes);
	buf_fini(&in);
}

static void every_request_has_one_reading(void **state)
{
	static const size_t pieces[] = {0, 1, 3};
	size_t count = 0;
	DIR *dir = opendir(FOLDER);
	struct dirent *entry;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);
		if (len < 5 || strcmp(entry->d_name + len - 4, ".txt") != 0)
			continue;
		for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
			replay(*state, entry->d_name, pieces[i]);
		count++;
	}
	(void)closedir(dir);
	assert_true(count >= 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_request_has_one_reading, net_server_set_up,
						net_server_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
