// SPDX-License-Identifier: Apache-2.0
/* Deeds that are harmless for who does them all the time: R0001 to R0999. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

static void run_stranger(void)
{
	run(link_self(own("stranger")), "stranger");
}

static void run_colleague(void)
{
	run(link_self(own("colleague")), "colleague", "--report", "daily");
}

static void read_strange_file(void)
{
	read_file(make_file(own("strange-file")));
}

static void read_known_file(void)
{
	read_file(make_file(own("known-file")));
}

static void make_strange_call(void)
{
	/* Asks, and changes nothing. */
	personality(0xffffffff);
}

static void make_known_call(void)
{
	sched_get_priority_max(SCHED_RR);
}

/* To where it is already; refused without CAP_SYS_CHROOT, which is seen as well. */
static void change_root(void)
{
	(void)!chroot("/");
}

static void use_strange_capability(void)
{
	in_child(change_root);
}

static void use_known_capability(void)
{
	(void)!chown(make_file(own("known-file")), 1, 1);
}

static void ask_strange_name(void)
{
	ask_dns("strange.kubecop-attack.test");
}

static void ask_known_name(void)
{
	ask_dns("known.kubecop-attack.test");
}

static void read_token(void)
{
	read_file(token());
}

static void read_other_secret(void)
{
	read_file(make_file("/run/secrets/kubecop-attack"));
}

static void run_kubectl(void)
{
	run(link_self(own("kubectl")), "kubectl", "version");
}

static void run_crictl(void)
{
	run(link_self(own("crictl")), "crictl", "ps");
}

/* Both belong to sinks for stray queries (RFC 7535, RFC 7534); no packet leaves for them. */
static void name_strange_peer(void)
{
	name_peer("192.31.196.1", 443);
}

static void name_known_peer(void)
{
	name_peer("192.175.48.1", 443);
}

static void name_api_server(void)
{
	const char *address = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");

	if (!address) {
		errno = ENOENT;
		fail("KUBERNETES_SERVICE_HOST is not set", "this is no pod");
	}
	name_peer(address, (unsigned short)(port ? atoi(port) : 443));
}

static void read_environment(void)
{
	read_file("/proc/1/environ");
}

static void read_command_line(void)
{
	read_file("/proc/1/cmdline");
}

static void read_shadow(void)
{
	read_file(make_file("/etc/shadow"));
}

static void read_passwd(void)
{
	read_file(make_file("/etc/passwd"));
}

static void run_colleague_strangely(void)
{
	run(link_self(own("colleague")), "colleague", "--upload", "/etc");
}

const struct scenario deviations[] = {
	{ "R0001", "runs a program that never ran", "Unexpected process launched, of stranger", "runs one that did",
	  run_stranger, run_colleague },
	{ "R0002", "reads a file nobody read", "Unexpected file access, to strange-file", "reads one that was read",
	  read_strange_file, read_known_file },
	{ "R0003", "calls personality, to ask", "Unexpected system call, of that name",
	  "calls sched_get_priority_max, as always", make_strange_call, make_known_call },
	{ "R0004", "calls chroot, to where it is", "Unexpected capability used, SYS_CHROOT", "calls chown, as always",
	  use_strange_capability, use_known_capability },
	{ "R0005", "asks for the name strange.kubecop-attack.test", "Unexpected domain request, of that name",
	  "asks for known.kubecop-attack.test, as always", ask_strange_name, ask_known_name },
	{ "R0006", "reads the service account's token", "Unexpected Service Account Token Access",
	  "reads another secret, as always", read_token, read_other_secret },
	{ "R0007-program", "runs kubectl", "Kubernetes Client Executed, of kubectl", "runs crictl, as always",
	  run_kubectl, run_crictl },
	{ "R0007-connection", "names the API server ($KUBERNETES_SERVICE_HOST) as its peer, and sends nothing",
	  "Kubernetes Client Executed, at that address", "names 192.175.48.1, as always", name_api_server,
	  name_known_peer },
	{ "R0008", "reads the environment of process 1", "Read Environment Variables from procfs, of /proc/1/environ",
	  "reads its command line, as ps does", read_environment, read_command_line },
	{ "R0010", "reads /etc/shadow", "Unexpected Sensitive File Access, to /etc/shadow", "reads /etc/passwd",
	  read_shadow, read_passwd },
	{ "R0011", "names 192.31.196.1 as its peer, and sends nothing",
	  "Unexpected Egress Network Traffic, to that address", "names 192.175.48.1, as always", name_strange_peer,
	  name_known_peer },
	{ "R0040", "runs a known program with other arguments", "Unexpected process arguments, of colleague",
	  "runs it with the usual ones", run_colleague_strangely, run_colleague },
};
const size_t deviation_count = sizeof(deviations) / sizeof(*deviations);
