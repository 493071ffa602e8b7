// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * What the tests run in containers where a shell is too slow, or does more than it is asked for: statically linked, it opens no file
 * of its own, so that every event it makes can be counted. It writes what it has made to its standard output.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "/bin/load"

struct totals {
	volatile int stop;
	long opens, execs;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void ignore(int signal)
{
	(void)signal;
}

/* A signal that ends pause(). */
static void await(int signal)
{
	int received;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	while (sigwait(&set, &received) || received != signal)
		;
}

/* The child has gone into its program when vfork returns. */
static void run_true(const char *number)
{
	char *arguments[] = { SELF, "true", (char *)number, NULL };
	pid_t child = vfork();

	if (child == 0) {
		execv(SELF, arguments);
		_exit(127);
	}
	if (child < 0 || waitpid(child, NULL, 0) != child)
		fail("vfork");
}

static void run_many(long count)
{
	char number[24];

	for (long i = 0; i < count; i++) {
		snprintf(number, sizeof(number), "%ld", i);
		run_true(number);
	}
}

static void open_new(const char *path)
{
	int file = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

	if (file < 0)
		fail(path);
	close(file);
	unlink(path);
}

/* Opens files nobody has opened before, as fast as it can. */
static void flood_opens(struct totals *totals, int worker)
{
	char path[64];
	long made = 0;

	while (!totals->stop) {
		snprintf(path, sizeof(path), "/dev/shm/%d-%ld", worker, made);
		open_new(path);
		made++;
	}
	__sync_fetch_and_add(&totals->opens, made);
}

static void flood_execs(struct totals *totals)
{
	char number[24];
	long made = 0;

	while (!totals->stop) {
		snprintf(number, sizeof(number), "%ld", made % 50);
		run_true(number);
		made++;
	}
	__sync_fetch_and_add(&totals->execs, made);
}

/* From SIGUSR1 to SIGUSR2: two processes that open, one that executes. Then it tells what they made, and stays. */
static void flood(void)
{
	struct totals *totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	printf("ready\n");
	await(SIGUSR1);
	for (int worker = 0; worker < 3; worker++) {
		if (fork())
			continue;
		if (worker < 2)
			flood_opens(totals, worker);
		else
			flood_execs(totals);
		_exit(0);
	}
	await(SIGUSR2);
	totals->stop = 1;
	while (wait(NULL) > 0)
		;
	printf("open %ld\nexec %ld\nfork %ld\nexit %ld\ndone\n", totals->opens, totals->execs, totals->execs + 3,
	       totals->execs + 3);
	await(SIGTERM);
}

/* What a container does in its first instant: each a different thing. */
static void instant(const char *number)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(20000 + atoi(number)) };
	char path[64];

	snprintf(path, sizeof(path), "/dev/shm/%s", number);
	open_new(path);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)!connect(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&address, sizeof(address));
	execl(SELF, SELF, "true", number, NULL);
}

static void become_true(int signal)
{
	(void)signal;
	execl("/bin/true", "true", "late", NULL);
}

/* Many processes that do nothing; one that gets SIGUSR1 executes a program. */
static void crowd(long count)
{
	for (long i = 0; i < count; i++) {
		pid_t child = fork();

		if (child < 0)
			fail("fork");
		if (child)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGUSR1, become_true);
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		for (;;)
			pause();
	}
	printf("ready\n");
	await(SIGTERM);
}

int main(int count, char **arguments)
{
	const char *verb = count > 1 ? arguments[1] : "";
	sigset_t awaited;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(verb, "true"))
		return 0;

	/* Blocked, so that none is missed before it is waited for; and the first process of a container has no default for them. */
	sigemptyset(&awaited);
	sigaddset(&awaited, SIGUSR1);
	sigaddset(&awaited, SIGUSR2);
	sigaddset(&awaited, SIGTERM);
	sigprocmask(SIG_BLOCK, &awaited, NULL);
	signal(SIGTERM, ignore);
	if (!strcmp(verb, "flood")) {
		flood();
	} else if (!strcmp(verb, "instant") && count > 2) {
		instant(arguments[2]);
	} else if (!strcmp(verb, "exec") && count > 2) {
		printf("ready\n");
		await(SIGUSR1);
		run_many(atol(arguments[2]));
		printf("done\n");
		await(SIGTERM);
	} else if (!strcmp(verb, "crowd") && count > 2) {
		crowd(atol(arguments[2]));
	} else {
		fprintf(stderr, "load: true | flood | instant NUMBER | exec COUNT | crowd COUNT\n");
		return 2;
	}
	return 0;
}
