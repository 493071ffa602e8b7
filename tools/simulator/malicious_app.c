// SPDX-License-Identifier: Apache-2.0
/*
 * What KubeCop's authors attacked with (https://github.com/armosec/kubecop, image malicious-app): its steps in its order, but that nothing is
 * downloaded and nobody is talked to. Its kubectl is this program under that name.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attack.h"

static const char *kubectl;

static void get_kubectl(void)
{
	kubectl = copy_self(own("kubectl"));
}

static void get_secrets(void)
{
	token(); /* here, so that it goes away in the end */
	run(kubectl, "kubectl", "get", "secrets");
}

static void write_file(const char *name)
{
	int file = open(make_file(own(name)), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (file < 0 || write(file, "malicious\n", 10) != 10)
		fail("write", name);
	close(file);
}

static void write_malicious_file(void)
{
	write_file("malicious.txt");
}

static void write_known_hosts(void)
{
	write_file("known_hosts");
}

static void get_page(void)
{
	ask_dns("www.google.com");
	connect_here(443);
}

static void unshare_user(void)
{
	unshare(CLONE_NEWUSER);
}

static void leave_user_namespace(void)
{
	in_child(unshare_user);
}

static void listen_on_80(void)
{
	listen_here(80);
}

static void run_descriptor(void)
{
	char path[32];
	int file = open(kubectl, O_RDONLY);

	if (file < 0)
		fail("open", kubectl);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	run(path, "kubectl", "get", "secrets");
	close(file);
}

static void load_module(void)
{
	syscall(SYS_init_module, NULL, 0L, NULL);
}

static void run_from_volume(void)
{
	run(copy_self(volume_path("/kubectl")), "kubectl", "get", "secrets");
}

static void join_pool(void)
{
	ask_dns("xmr.pool.minergate.com");
	connect_here(45700);
}

static const struct {
	const char *deed, *seen;
	void (*act)(void);
} steps[] = {
	{ "copies itself to kubectl (instead of downloading one)", "R0002", get_kubectl },
	{ "runs kubectl get secrets, which reads the service account's token", "R0001 R0006 R0007 R1001", get_secrets },
	{ "writes malicious.txt", "R0002", write_malicious_file },
	{ "writes known_hosts", "R0002", write_known_hosts },
	{ "asks for www.google.com and connects to port 443, on loopback", "R0005 R1003", get_page },
	{ "takes a user namespace of its own", "R0003 R1006", leave_user_namespace },
	{ "listens on port 80 of loopback", "R0004", listen_on_80 },
	{ "runs kubectl get secrets as /proc/self/fd/N", "R1000", run_descriptor },
	{ "calls init_module with nothing", "R0003 R1002", load_module },
	{ "copies kubectl to a volume and runs it there", "R0001 R0007 R1004", run_from_volume },
	{ "asks for xmr.pool.minergate.com and connects to port 45700, on loopback", "R0005 R1007", join_pool },
};

void malicious_app(void)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		printf("%2zu  %s\n    should be seen: %s\n", i + 1, steps[i].deed, steps[i].seen);
		steps[i].act();
	}
}
