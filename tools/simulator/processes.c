// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

extern char **environ;

void fail(const char *what, const char *subject)
{
	fprintf(stderr, "attack: %s: %s: %s\n", what, subject, strerror(errno));
	clean_up();
	_exit(1);
}

pid_t start_program(const char *path, const char **arguments, int input, int output)
{
	pid_t child = fork();

	if (child < 0)
		fail("fork", path);
	if (child)
		return child;
	if (input >= 0)
		dup2(input, STDIN_FILENO);
	if (output >= 0)
		dup2(output, STDOUT_FILENO);
	execve(path, (char **)arguments, environ);
	fprintf(stderr, "attack: %s was refused: %s\n", path, strerror(errno));
	_exit(errno == EACCES || errno == EPERM ? 0 : 1);
}

void wait_for(pid_t process)
{
	int status;

	while (waitpid(process, &status, 0) < 0) {
		if (errno != EINTR)
			fail("waitpid", "a child");
	}
}

void run_program(const char *path, const char **arguments)
{
	wait_for(start_program(path, arguments, -1, -1));
}

void in_child(void (*deed)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child < 0)
		fail("fork", "a child");
	if (child == 0) {
		deed();
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (status) {
		/* It has said why. */
		clean_up();
		_exit(1);
	}
}

void pause_ms(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	nanosleep(&time, NULL);
}
