// SPDX-License-Identifier: Apache-2.0
/*
 * What managed code cannot do: change the capabilities of a thread in the handler of a signal. The kernel keeps them by thread, and
 * a thread changes only its own. No library is used: what runs in a handler must not wait for a lock that its thread holds.
 */

#if defined(__x86_64__)
/* arch/x86/entry/syscalls/syscall_64.tbl */
enum { SYS_PRCTL = 157, SYS_CAPGET = 125, SYS_CAPSET = 126 };

static long call(long number, long a, long b, long c)
{
	long result;
	register long d __asm__("r10") = 0;
	register long e __asm__("r8") = 0;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(d), "r"(e)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
/* include/uapi/asm-generic/unistd.h */
enum { SYS_PRCTL = 167, SYS_CAPGET = 90, SYS_CAPSET = 91 };

static long call(long number, long a, long b, long c)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
#else
#error "the system calls of this architecture are not known"
#endif

/* include/uapi/linux/prctl.h and capability.h */
enum {
	CAPBSET_READ = 23,
	CAPBSET_DROP = 24,
	SET_NO_NEW_PRIVS = 38,
	CAP_AMBIENT = 47,
	CAP_AMBIENT_CLEAR_ALL = 4,
	VERSION_3 = 0x20080522
};

struct header {
	unsigned int version;
	int thread; /* 0: the one that calls */
};

struct sets {
	unsigned int effective, permitted, inheritable;
};

static volatile unsigned long long kept;

static long limit(void)
{
	struct header header = { VERSION_3, 0 };
	struct sets sets[2];
	int capability, part;
	long error;

	/* Allowed only with CAP_SETPCAP. Without it the set stays what the process was started with, and nothing is gained from it below. */
	for (capability = 0; capability < 64 && call(SYS_PRCTL, CAPBSET_READ, capability, 0) >= 0; capability++)
		if (!(kept >> capability & 1))
			call(SYS_PRCTL, CAPBSET_DROP, capability, 0);
	call(SYS_PRCTL, CAP_AMBIENT, CAP_AMBIENT_CLEAR_ALL, 0);

	error = call(SYS_CAPGET, (long)&header, (long)sets, 0);
	if (error)
		return error;
	for (part = 0; part < 2; part++) {
		sets[part].permitted &= (unsigned int)(kept >> (32 * part));
		sets[part].effective = sets[part].permitted;
		sets[part].inheritable = 0;
	}
	error = call(SYS_CAPSET, (long)&header, (long)sets, 0);
	return error ? error : call(SYS_PRCTL, SET_NO_NEW_PRIVS, 1, 0);
}

/* Keeps of this thread's capabilities those in the mask, and lets the handler do the same from now on. Returns 0 or -errno. */
long kubecop_limit(unsigned long long keep)
{
	kept = keep;
	return limit();
}

/* The handler. Whether it did what it should is looked up in /proc. */
void kubecop_limit_on_signal(int signal)
{
	(void)signal;
	limit();
}
