// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attack.h"

/* -1 at the end of the input. */
static int relay(int from, int to)
{
	char buffer[4096];
	ssize_t size = read(from, buffer, sizeof(buffer));

	return size <= 0 || write(to, buffer, size) != size ? -1 : 0;
}

/* cat FILE */
static int cat(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		fail("open", path);
	while (!relay(file, STDOUT_FILENO))
		;
	return 0;
}

/* nc PORT: of 127.0.0.1 */
static int nc(const char *port)
{
	int peer = dial_here((unsigned short)atoi(port));
	struct pollfd ends[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = peer, .events = POLLIN } };

	while (ends[0].fd >= 0 && poll(ends, 2, -1) > 0) {
		if (ends[0].revents && relay(STDIN_FILENO, peer))
			ends[0].fd = -1;
		if (ends[1].revents && relay(peer, STDOUT_FILENO))
			ends[1].fd = -1;
	}
	return 0;
}

/* What a client of Kubernetes does first: it reads the token of the service account. */
static int kubectl(const char *verb)
{
	if (verb && !strcmp(verb, "get"))
		read_file(token());
	return 0;
}

static int sh(void)
{
	char command[256];

	while (read(STDIN_FILENO, command, sizeof(command)) > 0 && strncmp(command, "exit", 4))
		;
	return 0;
}

int stand_in(int count, char **arguments)
{
	static const char *const idle[] = { "stranger", "colleague", "crictl", "kworker" };
	const char *slash = count > 0 ? strrchr(arguments[0], '/') : NULL, *name = slash       ? slash + 1
										   : count > 0 ? arguments[0]
											       : "";
	const char *first = count > 1 ? arguments[1] : NULL;

	if (!strcmp(name, "cat") && first)
		return cat(first);
	if (!strcmp(name, "nc") && first)
		return nc(first);
	if (!strcmp(name, "kubectl"))
		return kubectl(first);
	if (!strcmp(name, "sh"))
		return sh();
	for (size_t i = 0; i < sizeof(idle) / sizeof(*idle); i++) {
		if (!strcmp(name, idle[i]))
			return 0;
	}
	return -1;
}
