// SPDX-License-Identifier: Apache-2.0
/*
 * Does, for tests, what no tool of a small image does: one behaviour a call. Uses no library, so that it runs in any container.
 * usage: behaviour WHAT [ARGUMENT...]; exits with the error's number when it fails.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

/* arch/x86/entry/syscalls/syscall_64.tbl and, for compat(), syscall_32.tbl */
enum {
	READ = 0,
	WRITE = 1,
	OPEN = 2,
	CLOSE = 3,
	MMAP = 9,
	NANOSLEEP = 35,
	GETPID = 39,
	SOCKET = 41,
	CONNECT = 42,
	ACCEPT = 43,
	SENDTO = 44,
	RECVFROM = 45,
	BIND = 49,
	LISTEN = 50,
	CLONE = 56,
	EXECVE = 59,
	EXIT = 60,
	WAIT4 = 61,
	CREAT = 85,
	PTRACE = 101,
	INIT_MODULE = 175,
	OPENAT = 257,
	UNSHARE = 272,
	ACCEPT4 = 288,
	NAME_TO_HANDLE_AT = 303,
	OPEN_BY_HANDLE_AT = 304,
	SETNS = 308,
	FINIT_MODULE = 313,
	MEMFD_CREATE = 319,
	EXECVEAT = 322,
	OPENAT2 = 437,
	COMPAT_OPEN = 5,
	COMPAT_CREAT = 8,
	COMPAT_EXECVE = 11,
	COMPAT_OPENAT = 295,
};
enum { AF_INET = 2, AF_INET6 = 10, STREAM = 1, DGRAM = 2, AT_FDCWD = -100, AT_EMPTY_PATH = 0x1000, MAP_32BIT = 0x40 };

static long call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 asm("r10") = d;
	register u64 r8 asm("r8") = e;
	register u64 r9 asm("r9") = f;
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return result;
}

#define CALL(number, ...) CALL_(number, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(number, a, b, c, d, e, f, ...) call(number, (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), (u64)(f))

/* As a 32-bit program calls: pointers must be below 4 GiB. */
static long compat(long number, u32 a, u32 b, u32 c, u32 d)
{
	int result;

	asm volatile("push %%rbx\n\tmov %1, %%ebx\n\tint $0x80\n\tpop %%rbx"
		     : "=a"(result)
		     : "r"(a), "a"(number), "c"(b), "d"(c), "S"(d)
		     : "r8", "r9", "r10", "r11", "memory");
	return result;
}

static _Noreturn void end(long result)
{
	for (;;)
		CALL(EXIT, result < 0 ? -result : 0);
}

static long check(long result)
{
	if (result < 0)
		end(result);
	return result;
}

void *memcpy(void *to, const void *from, u64 size)
{
	for (u64 i = 0; i < size; i++)
		((u8 *)to)[i] = ((const u8 *)from)[i];
	return to;
}

void *memset(void *to, int value, u64 size)
{
	for (u64 i = 0; i < size; i++)
		((volatile u8 *)to)[i] = value;
	return to;
}

static int equal(const char *one, const char *other)
{
	while (*one && *one == *other)
		one++, other++;
	return *one == *other;
}

static u64 length(const char *text)
{
	u64 size = 0;

	while (text[size])
		size++;
	return size;
}

static u32 number(const char *text)
{
	u32 value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + *text++ - '0';
	return value;
}

static char *low(const char *text)
{
	char *copy = (char *)check(CALL(MMAP, 0, 8192, 3, 0x22 | MAP_32BIT, -1));

	return memcpy(copy, text, length(text) + 1);
}

struct address {
	u16 family;
	u8 rest[26];
};

/* 4: 127.0.0.1, 6: ::1, m: ::ffff:127.0.0.1 */
static u32 loopback(struct address *address, char kind, u32 port)
{
	memset(address, 0, sizeof(*address));
	address->rest[0] = port >> 8;
	address->rest[1] = port;
	if (kind == '4') {
		address->family = AF_INET;
		address->rest[2] = 127;
		address->rest[5] = 1;
		return 16;
	}
	address->family = AF_INET6;
	address->rest[21] = 1;
	if (kind == 'm') {
		address->rest[16] = address->rest[17] = 0xff;
		address->rest[18] = 127;
	}
	return 28;
}

static long open_socket(char kind, int type)
{
	return check(CALL(SOCKET, kind == '4' ? AF_INET : AF_INET6, type));
}

/* Listens, connects to itself and accepts. */
static void tcp(char kind, u32 port, int accept)
{
	struct address address;
	u32 size = loopback(&address, kind, port);
	long server = open_socket(kind, STREAM), client = open_socket(kind, STREAM);

	check(CALL(BIND, server, &address, size));
	check(CALL(LISTEN, server, 1));
	check(CALL(CONNECT, client, &address, size));
	check(CALL(accept, server, 0, 0, 0));
}

static void udp(char kind, u32 port, u32 peer)
{
	struct address address;
	u32 size = loopback(&address, kind, port);
	long socket = open_socket(kind, DGRAM);

	check(CALL(BIND, socket, &address, size));
	loopback(&address, kind, peer);
	check(CALL(SENDTO, socket, "x", 1, 0, &address, size));
}

/* A question for NAME, type A, and its answer: two addresses, or NXDOMAIN for a name that begins with 'm'. */
static u32 question(u8 *message, const char *name)
{
	static const u8 head[12] = { 0x12, 0x34, 1, 0, 0, 1 };
	u32 at = 12;

	memcpy(message, head, sizeof(head));
	while (*name) {
		u32 size = 0;

		while (name[size] && name[size] != '.')
			size++;
		message[at++] = size;
		memcpy(&message[at], name, size);
		at += size;
		name += size + (name[size] == '.');
	}
	message[at++] = 0;
	message[at + 1] = message[at + 3] = 1;
	message[at] = message[at + 2] = 0;
	return at + 4;
}

static u32 answer(u8 *message, u32 size)
{
	static const u8 record[16] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1 };

	message[2] = 0x81;
	if (message[13] == 'm') {
		message[3] = 0x83;
		return size;
	}
	message[3] = 0x80;
	message[7] = 2;
	memcpy(&message[size], record, sizeof(record));
	memcpy(&message[size + 16], record, sizeof(record));
	message[size + 31] = 2;
	return size + 32;
}

/* Asks and answers itself, through port 53 of loopback. */
static void dns(char kind, int type, const char *name)
{
	u8 message[514], *body = &message[type == STREAM ? 2 : 0];
	u32 prefix = type == STREAM ? 2 : 0;
	struct address address, peer;
	u32 size = loopback(&address, kind, 53), peer_size = sizeof(peer), length;
	long server = open_socket(kind, type), client = open_socket(kind, type), session = server;

	check(CALL(BIND, server, &address, size));
	if (type == STREAM)
		check(CALL(LISTEN, server, 1));
	check(CALL(CONNECT, client, &address, size));
	if (type == STREAM)
		session = check(CALL(ACCEPT, server));
	length = question(body, name);
	message[0] = prefix ? 0 : message[0];
	message[1] = prefix ? length : message[1];
	check(CALL(WRITE, client, message, length + prefix));
	check(CALL(RECVFROM, session, message, sizeof(message), 0, &peer, &peer_size));
	length = answer(body, length);
	message[1] = prefix ? length : message[1];
	if (prefix)
		check(CALL(WRITE, session, message, length + prefix));
	else
		check(CALL(SENDTO, session, message, length, 0, &peer, peer_size));
	check(CALL(READ, client, message, sizeof(message)));
}

static void open_by_handle(const char *path)
{
	struct {
		u32 bytes;
		int type;
		u8 handle[128];
	} handle = { .bytes = 128 };
	int mount;

	check(CALL(NAME_TO_HANDLE_AT, AT_FDCWD, path, &handle, &mount, 0));
	check(CALL(OPEN_BY_HANDLE_AT, check(CALL(OPEN, "/", 0)), &handle, 0));
}

static void exec_from_memory(const char *path, char **arguments)
{
	static u8 buffer[65536];
	long file = check(CALL(OPEN, path, 0)), memory = check(CALL(MEMFD_CREATE, "test", 0)), size;

	while ((size = check(CALL(READ, file, buffer, sizeof(buffer)))))
		check(CALL(WRITE, memory, buffer, size));
	check(CALL(EXECVEAT, memory, "", arguments, 0, AT_EMPTY_PATH));
}

/* Another rounding mode, found by the kernel each time it takes the processor away. */
static void round_up(u32 times)
{
	u64 nap[2] = { 0, 1000000 };
	u32 mode = 0x5f80;

	for (u32 i = 0; i < times; i++) {
		asm volatile("ldmxcsr %0" : : "m"(mode));
		CALL(NANOSLEEP, nap, 0);
	}
}

static void ptrace_child(void)
{
	long child = check(CALL(CLONE, 17));
	u64 nap[2] = { 5, 0 };

	if (!child) {
		CALL(NANOSLEEP, nap, 0);
		end(0);
	}
	check(CALL(PTRACE, 16, child));
}

static long behave(char **arguments)
{
	const char *what = arguments[1];
	char *first = arguments[1] ? arguments[2] : 0, *second = first ? arguments[3] : 0;
	u64 how[3] = { 0 };

	if (!what)
		return -22;
	if (equal(what, "open"))
		return CALL(OPEN, first, 0);
	if (equal(what, "creat"))
		return CALL(CREAT, first, 0600);
	if (equal(what, "openat"))
		return CALL(OPENAT, AT_FDCWD, first, 2);
	if (equal(what, "openat2"))
		return CALL(OPENAT2, AT_FDCWD, first, how, sizeof(how));
	if (equal(what, "handle"))
		open_by_handle(first);
	else if (equal(what, "open32"))
		return compat(COMPAT_OPEN, (u64)low(first), 0, 0, 0);
	else if (equal(what, "creat32"))
		return compat(COMPAT_CREAT, (u64)low(first), 0600, 0, 0);
	else if (equal(what, "openat32"))
		return compat(COMPAT_OPENAT, AT_FDCWD, (u64)low(first), 0, 0);
	else if (equal(what, "fexec"))
		return CALL(EXECVEAT, check(CALL(OPEN, first, 0)), "", &arguments[2], 0, AT_EMPTY_PATH);
	else if (equal(what, "memory"))
		exec_from_memory(first, &arguments[2]);
	else if (equal(what, "tcp"))
		tcp(*first, number(second), ACCEPT);
	else if (equal(what, "tcp4accept4"))
		tcp('4', number(first), ACCEPT4);
	else if (equal(what, "udp"))
		udp(*first, number(second), number(second) + 1);
	else if (equal(what, "dns"))
		dns(*first, DGRAM, second);
	else if (equal(what, "dnstcp"))
		dns(*first, STREAM, second);
	else if (equal(what, "round"))
		round_up(number(first));
	else if (equal(what, "ptrace"))
		ptrace_child();
	else if (equal(what, "module"))
		return CALL(INIT_MODULE, 0, 0, "");
	else if (equal(what, "modulefile"))
		return CALL(FINIT_MODULE, check(CALL(OPEN, first, 0)), "", 0);
	else if (equal(what, "unshare"))
		return CALL(UNSHARE, number(first));
	else if (equal(what, "setns"))
		return CALL(SETNS, check(CALL(OPEN, first, 0)), number(second));
	else if (equal(what, "call32"))
		return compat(number(first), 0, 0, 0, 0);
	else if (equal(what, "call"))
		return CALL(number(first), 0);
	else
		return -22;
	return 0;
}

__attribute__((used)) static void begin(u64 *stack)
{
	end(behave((char **)&stack[1]));
}

__attribute__((naked, used)) void _start(void)
{
	asm("mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin");
}
