// SPDX-License-Identifier: Apache-2.0
/* Deeds that nobody should do: R1000 and on. Their twins only look like them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"

static void run_from_shared_memory(void)
{
	run(copy_self("/dev/shm/kubecop-attack"), "stranger");
}

static void run_from_run(void)
{
	run(copy_self("/run/kubecop-attack"), "stranger");
}

static void run_from_descriptor(void)
{
	char path[32];
	int file = open(self(), O_RDONLY);

	if (file < 0)
		fail("open", self());
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	run(path, "stranger");
	close(file);
}

static void run_from_runner(void)
{
	run(link_self(own("run/colleague")), "colleague");
}

static void run_dropped(void)
{
	run(copy_self(own("dropped")), "stranger");
}

static void run_link(void)
{
	run(link_self(own("link")), "colleague");
}

static void load_module_from_memory(void)
{
	/* No module at all: whoever may load some gets an error, too. */
	syscall(SYS_init_module, NULL, 0L, "");
}

static void load_module_from_file(void)
{
	const char *path = make_file(own("rootkit.ko"));
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		fail("open", path);
	syscall(SYS_finit_module, file, "", 0);
	close(file);
}

static void look_at_module(void)
{
	read_file(make_file(own("rootkit.ko")));
}

static void read_key(void)
{
	read_file(make_file(own(".ssh/id_ed25519")));
}

static void connect_to_hidden_ssh(void)
{
	read_key();
	connect_here(2222);
}

static void connect_to_ssh(void)
{
	read_key();
	connect_here(22);
}

static void run_from_volume(void)
{
	run(copy_self(volume_path("/kubecop-attack")), "stranger");
}

/* Beside the volume, in a directory whose name begins like the volume's. */
static void run_beside_volume(void)
{
	run(link_self(volume_path("-twin/colleague")), "colleague");
}

static int load_into_memory(void)
{
	int memory = memfd_create("kubecop-attack", MFD_CLOEXEC);

	if (memory < 0)
		fail("memfd_create", "kubecop-attack");
	copy_self_into(memory);
	return memory;
}

/* Named as a thread of the kernel is, as such programs like to be. */
static void run_from_memory(void)
{
	static char *const arguments[] = { "kworker", NULL };
	int memory = load_into_memory();
	pid_t child = fork();

	if (child == 0) {
		fexecve(memory, arguments, environ);
		_exit(0);
	}
	wait_for(child);
	close(memory);
}

/* As crypters do (ezuri): not as descriptor, but by the path that leads to it. */
static void run_unpacked(void)
{
	char path[32];
	int memory = load_into_memory();

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	run(path, "kworker");
	close(memory);
}

static void use_memory(void)
{
	int memory = load_into_memory();
	void *view = mmap(NULL, 4096, PROT_READ, MAP_SHARED, memory, 0);

	if (view == MAP_FAILED)
		fail("mmap", "memory");
	munmap(view, 4096);
	close(memory);
}

static void leave_namespace(void)
{
	unshare(CLONE_NEWUSER);
}

static void leave_user_namespace(void)
{
	in_child(leave_namespace);
}

static void unshare_files(void)
{
	unshare(CLONE_FILES);
}

static void unshare_descriptors(void)
{
	in_child(unshare_files);
}

#ifdef __x86_64__
/* Intel SDM, volume 1, 10.2.3. The kernel sees the register when it takes the processor away. */
static void compute_with(uint32_t mxcsr)
{
	for (int i = 0; i < 120; i++) {
		asm volatile("ldmxcsr %0" : : "m"(mxcsr));
		pause_ms(1);
	}
	mxcsr = 0x1f80;
	asm volatile("ldmxcsr %0" : : "m"(mxcsr));
}

static void compute_like_randomx(void)
{
	compute_with(0x5f80); /* rounding up */
}

static void compute_like_audio(void)
{
	compute_with(0x9fc0); /* rounding to the nearest, denormals are zero */
}
#else
static void compute_like_randomx(void)
{
	errno = ENOSYS;
	fail("rounding", "is seen on x86-64 only");
}

static void compute_like_audio(void)
{
}
#endif

static void connect_to_pool(void)
{
	connect_here(3333);
}

static void connect_beside_pool(void)
{
	connect_here(3334);
}

static void ask_pool(void)
{
	ask_dns("eu.zergpool.com");
}

static void ask_other_pool(void)
{
	ask_dns("xmr.2miners.com");
}

static void connect_to_other_pool(void)
{
	connect_here(45700);
}

static void ask_lookalike(void)
{
	ask_dns("zergpool.com.kubecop-attack.test");
}

static void with_sleeper(void (*deed)(pid_t child))
{
	pid_t child = fork();

	if (child < 0)
		fail("fork", "a child");
	if (child == 0) {
		pause();
		_exit(0);
	}
	deed(child);
	kill(child, SIGKILL);
	wait_for(child);
}

static void attach(pid_t child)
{
	ptrace(PTRACE_ATTACH, child, NULL, NULL);
	waitpid(child, NULL, WUNTRACED);
}

static void look_at(pid_t child)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/status", child);
	read_file(path);
}

static void trace_child(void)
{
	with_sleeper(attach);
}

static void look_at_child(void)
{
	with_sleeper(look_at);
}

static const char *shell(void)
{
	return access("/bin/sh", X_OK) ? link_self(own("sh")) : "/bin/sh";
}

static void say_exit(int peer)
{
	if (write(peer, "exit\n", 5) != 5)
		fail("write", "the shell's input");
}

static void shell_on_socket(void)
{
	static const char *arguments[] = { "sh", NULL };
	int client, server;
	pid_t child;

	connect_pair(&client, &server);
	child = start_program(shell(), arguments, client, client);
	close(client);
	say_exit(server);
	wait_for(child);
	close(server);
}

static void service_on_socket(void)
{
	static const char *arguments[] = { "colleague", NULL };
	int client, server;

	connect_pair(&client, &server);
	wait_for(start_program(link_self(own("colleague")), arguments, client, client));
	close(client);
	close(server);
}

/* mkfifo f; cat f | sh | nc 127.0.0.1 PORT > f */
static void shell_on_pipes(void)
{
	const char *fifo = make_fifo(own("fifo")), *sh[] = { "sh", NULL }, *cat[] = { "cat", fifo, NULL };
	char port_text[8];
	const char *nc[] = { "nc", port_text, NULL };
	int input[2], output[2], server, peer, fifo_end;
	unsigned short port;
	pid_t children[3];

	server = listen_anywhere(&port);
	snprintf(port_text, sizeof(port_text), "%hu", port);
	fifo_end = open(fifo, O_RDWR | O_CLOEXEC); /* who opens one end alone waits */
	if (fifo_end < 0 || pipe2(input, O_CLOEXEC) || pipe2(output, O_CLOEXEC))
		fail("pipe", fifo);
	children[0] = start_program(link_self(own("cat")), cat, -1, input[1]);
	children[1] = start_program(shell(), sh, input[0], output[1]);
	children[2] = start_program(link_self(own("nc")), nc, output[0], fifo_end);
	for (int i = 0; i < 2; i++) {
		close(input[i]);
		close(output[i]);
	}
	peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	close(fifo_end);
	say_exit(peer);
	for (int i = 0; i < 3; i++)
		wait_for(children[i]);
	close(peer);
	close(server);
}

static void shell_of_script(void)
{
	static const char *arguments[] = { "sh", NULL };
	int input[2], output[2];
	pid_t child;

	if (pipe2(input, O_CLOEXEC) || pipe2(output, O_CLOEXEC))
		fail("pipe", "for a shell");
	child = start_program(shell(), arguments, input[0], output[1]);
	close(input[0]);
	close(output[1]);
	say_exit(input[1]);
	wait_for(child);
	close(input[1]);
	close(output[0]);
}

const struct scenario signatures[] = {
	{ "R1000-shm", "runs a program from /dev/shm",
	  "Exec from malicious source, of /dev/shm/kubecop-attack; refused if it is mounted so",
	  "runs one from run/ below a directory of its own", run_from_shared_memory, run_from_runner },
	{ "R1000-run", "runs a program from /run", "Exec from malicious source, of /run/kubecop-attack",
	  "runs one from run/ below a directory of its own", run_from_run, run_from_runner },
	{ "R1000-descriptor", "runs a program as /proc/self/fd/N", "Exec from malicious source, of that path",
	  "runs one from run/ below a directory of its own", run_from_descriptor, run_from_runner },
	{ "R1001", "writes a program and runs it", "Exec Binary Not In Base Image, of dropped",
	  "runs a program of the image through a new link", run_dropped, run_link },
	{ "R1002-memory", "calls init_module with nothing", "Kernel Module Load, refused",
	  "reads the file, as modinfo does", load_module_from_memory, look_at_module },
	{ "R1002-file", "calls finit_module with an empty file", "Kernel Module Load, of rootkit.ko, refused",
	  "reads the file, as modinfo does", load_module_from_file, look_at_module },
	{ "R1003", "reads a key of SSH and connects to port 2222 of loopback",
	  "Malicious SSH Connection, to 127.0.0.1:2222", "does so with port 22", connect_to_hidden_ssh,
	  connect_to_ssh },
	{ "R1004", "writes a program to a volume and runs it", "Exec from mount, of kubecop-attack there",
	  "runs one in a directory whose name begins like the volume's", run_from_volume, run_beside_volume },
	{ "R1005-memfd", "runs a program that is in memory only", "Fileless execution detected",
	  "keeps data in memory in the same way", run_from_memory, use_memory },
	{ "R1005-unpacked", "runs it as /proc/self/fd/N, as crypters do", "Fileless execution detected",
	  "keeps data in memory in the same way", run_unpacked, use_memory },
	{ "R1006", "takes a user namespace of its own", "Unshare System Call usage",
	  "takes a table of descriptors of its own", leave_user_namespace, unshare_descriptors },
	{ "R1007-rounding", "changes the rounding of floating-point numbers 120 times", "Crypto Miner detected",
	  "lets denormals be zero 120 times", compute_like_randomx, compute_like_audio },
	{ "R1007-port", "connects to port 3333 of loopback", "Crypto Miner detected, port 3333",
	  "connects to port 3334", connect_to_pool, connect_beside_pool },
	{ "R1007-domain", "asks for the name eu.zergpool.com on loopback", "Crypto Miner detected, of that name",
	  "asks for zergpool.com.kubecop-attack.test", ask_pool, ask_lookalike },
	{ "R1008", "asks for the name xmr.2miners.com on loopback", "Crypto Mining Domain Communication, of that name",
	  "asks for zergpool.com.kubecop-attack.test", ask_other_pool, ask_lookalike },
	{ "R1009", "connects to port 45700 of loopback",
	  "Crypto Mining Related Port Communication, where R1007 is not bound", "connects to port 3334",
	  connect_to_other_pool, connect_beside_pool },
	{ "R1015", "attaches to a child of its own", "Unexpected Ptrace Syscall Usage",
	  "looks at it in /proc, as ps does", trace_child, look_at_child },
	{ "R1100-socket", "a shell talks to a socket", "Reverse shell, of sh", "a service that is no shell does",
	  shell_on_socket, service_on_socket },
	{ "R1100-pipes", "a shell talks to nc through pipes, with a FIFO for the way back", "Reverse shell, of sh",
	  "a shell talks to a script through pipes", shell_on_pipes, shell_of_script },
};
const size_t signature_count = sizeof(signatures) / sizeof(*signatures);
