// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * What the benchmarks have containers do. A count is a number of operations, or of seconds when an 's' follows it; what was done is
 * printed as "operations seconds".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *program;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void get_parent(const char *unused, long index)
{
	syscall(SYS_getppid);
}

static void close_nothing(const char *unused, long index)
{
	syscall(SYS_close, -1);
}

static void open_file(const char *path, long index)
{
	int file = open(path, O_RDONLY);

	if (file < 0)
		fail(path);
	close(file);
}

/* A file that nobody has opened before, as the kernel names it: a new name. */
static void open_new_file(const char *directory, long index)
{
	char path[PATH_MAX];
	int file;

	snprintf(path, sizeof(path), "%s/%d-%ld", directory, getpid(), index);
	file = open(path, O_RDWR | O_CREAT, 0600);
	if (file < 0)
		fail(path);
	close(file);
	unlink(path);
}

static void start_program(const char *path, long index)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		fail("fork");
	if (child == 0) {
		execl(path, path, "nothing", NULL);
		_exit(127);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		fail(path);
}

static void repeat(void (*operation)(const char *, long), const char *count, const char *argument)
{
	char *end;
	long limit = strtol(count, &end, 10);
	double start = now();
	long done = 0;

	if (*end == 's') {
		while (done % 16 != 0 || now() < start + limit)
			operation(argument, done++);
	} else {
		while (done < limit)
			operation(argument, done++);
	}
	printf("%ld %.6f\n", done, now() - start);
}

/* Answers each DNS question with its own header and question, marked as an answer without records. */
static void serve_dns(int server)
{
	unsigned char message[512];
	struct sockaddr_in client;
	socklen_t client_len = sizeof(client);
	ssize_t len;

	while ((len = recvfrom(server, message, sizeof(message), 0, (struct sockaddr *)&client, &client_len)) > 0) {
		message[2] |= 0x80;
		sendto(server, message, len, 0, (struct sockaddr *)&client, client_len);
		client_len = sizeof(client);
	}
}

static void serve_connections(int server)
{
	int connection;

	while ((connection = accept(server, NULL, NULL)) >= 0)
		close(connection);
}

/* A server of our own, in a process of its own, that goes with us. Returns where it is. */
static struct sockaddr_in serve(int type, const char *address, int port, void (*body)(int))
{
	struct sockaddr_in place = { .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = inet_addr(address) };
	socklen_t len = sizeof(place);
	int server = socket(AF_INET, type, 0);
	pid_t child;

	if (server < 0 || bind(server, (struct sockaddr *)&place, sizeof(place)) ||
	    (type == SOCK_STREAM && listen(server, 64)) || getsockname(server, (struct sockaddr *)&place, &len))
		fail("server");
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body(server);
		_exit(1);
	}
	close(server);
	return place;
}

static void connect_to(const struct sockaddr_in *place)
{
	/* Ended by a reset: no port is left waiting. */
	struct linger linger = { .l_onoff = 1 };
	int client = socket(AF_INET, SOCK_STREAM, 0);

	if (client < 0 || connect(client, (const struct sockaddr *)place, sizeof(*place)))
		fail("connect");
	setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(client);
}

static void ask(int client, const struct sockaddr_in *place)
{
	static const char question[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\5known\4test\0\0\1\0\1";
	char answer[512];

	if (sendto(client, question, sizeof(question) - 1, 0, (const struct sockaddr *)place, sizeof(*place)) < 0 ||
	    recv(client, answer, sizeof(answer), 0) < 0)
		fail("question");
}

/* So much of each a second, evenly, until somebody ends us. */
static void steady(int opens, int connects, int questions, int execs)
{
	struct sockaddr_in dns = serve(SOCK_DGRAM, "127.0.0.77", 53, serve_dns);
	struct sockaddr_in service = serve(SOCK_STREAM, "127.0.0.1", 0, serve_connections);
	int client = socket(AF_INET, SOCK_DGRAM, 0);
	/* In steps of 10 ms. */
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (long step = 0;; step++) {
#define DUE(rate) for (long due = (step + 1) * (rate) / 100 - step * (rate) / 100; due > 0; due--)
		DUE(opens)
		open_file("/etc/passwd", 0);
		DUE(connects)
		connect_to(&service);
		DUE(questions)
		ask(client, &dns);
		DUE(execs)
		start_program(program, 0);
		next.tv_nsec += 10000000;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	program = argv[0];
	if (!strcmp(what, "nothing"))
		return 0;
	if (!strcmp(what, "calls") && argc == 3)
		repeat(get_parent, argv[2], NULL);
	else if (!strcmp(what, "close") && argc == 3)
		repeat(close_nothing, argv[2], NULL);
	else if (!strcmp(what, "open") && argc == 4)
		repeat(open_file, argv[2], argv[3]);
	else if (!strcmp(what, "new") && argc == 4)
		repeat(open_new_file, argv[2], argv[3]);
	else if (!strcmp(what, "exec") && argc == 3)
		repeat(start_program, argv[2], program);
	else if (!strcmp(what, "steady") && argc == 6)
		steady(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
	else
		return 2;
	return 0;
}
