/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One way to set off a rule, and the nearest thing to it that is harmless. */
struct scenario {
	/* The rule's id, with the form's name after a hyphen where there are several: R0001, R1007-port. */
	const char *name;
	const char *deed;
	/* The alert that is to be seen. */
	const char *seen;
	const char *twin;
	void (*attack)(void);
	void (*harmless)(void);
};

/* The twins of deviations are harmless because they have been learned: they are the normal behaviour. */
extern const struct scenario deviations[], signatures[];
extern const size_t deviation_count, signature_count;

/* The steps of KubeCop's malicious app. */
void malicious_app(void);

/* What a copy of this program, or a link to it, does under another name; -1 when the name is none of these. */
int stand_in(int count, char **arguments);

/* files.c: what is made here goes away when the program ends, however that is, but for SIGKILL. */

/* This program's own file. */
const char *self(void);
/* A file in the directory of this program's own, which is made when it is needed. */
const char *own(const char *name);
void set_directory(const char *path);
/* A directory, with those above it, as far as they are missing. */
void make_directory(const char *path);
/* An empty file, without opening it, with the directories above it; an existing one stays as it is. */
const char *make_file(const char *path);
/* The service account's token; an empty file in its place where there is none. */
const char *token(void);
/* A FIFO. */
const char *make_fifo(const char *path);
/* A link to this program. */
const char *link_self(const char *path);
/* A copy of this program. */
const char *copy_self(const char *path);
void copy_self_into(int file);
void read_file(const char *path);
/* The path of a directory that was mounted into the container and in which programs may be written and started, with something after it. */
const char *volume_path(const char *suffix);
void set_volume(const char *path);
void clean_up(void);

/* processes.c */

/* Ends the process with what went wrong, and errno in words. */
_Noreturn void fail(const char *what, const char *subject);
/* Runs a program to its end. Being refused is no failure: it is seen too. */
#define run(path, ...) run_program(path, (const char *[]){ __VA_ARGS__, NULL })
void run_program(const char *path, const char **arguments);
/* Starts a program with these streams; -1 leaves one as it is. */
pid_t start_program(const char *path, const char **arguments, int input, int output);
void wait_for(pid_t process);
/* Does it in a process of its own: what the deed changes ends with that. */
void in_child(void (*deed)(void));
void pause_ms(long milliseconds);

/* network.c: nothing here leaves the machine. */

/* Connects to itself on 127.0.0.1, or to whoever has the port there already, and sends nothing. */
void connect_here(unsigned short port);
/* Listens on 127.0.0.1, and stops again. */
void listen_here(unsigned short port);
/* A pair of connected sockets of TCP. */
void connect_pair(int *client, int *server);
int listen_anywhere(unsigned short *port);
/* The socket of a connection to 127.0.0.1. */
int dial_here(unsigned short port);
/* Names an address as a peer without sending it anything: UDP. */
void name_peer(const char *address, unsigned short port);
/* Asks for a name on loopback and answers itself. Asks nobody else. */
void ask_dns(const char *name);
