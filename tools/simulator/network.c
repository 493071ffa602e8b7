// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "attack.h"

#define LOOPBACK "127.0.0.1"

static struct sockaddr_in at(const char *address, unsigned short port)
{
	struct sockaddr_in place = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, address, &place.sin_addr);
	return place;
}

static int open_socket(int type)
{
	int handle = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (handle < 0)
		fail("socket", type == SOCK_STREAM ? "TCP" : "UDP");
	return handle;
}

static int listen_at(struct sockaddr_in place)
{
	int server = open_socket(SOCK_STREAM), yes = 1;

	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(server, (struct sockaddr *)&place, sizeof(place)) || listen(server, 1)) {
		close(server);
		return -1;
	}
	return server;
}

void listen_here(unsigned short port)
{
	int server = listen_at(at(LOOPBACK, port));

	if (server < 0)
		fail("listen", "a port of " LOOPBACK);
	close(server);
}

int listen_anywhere(unsigned short *port)
{
	struct sockaddr_in place = at(LOOPBACK, 0);
	socklen_t size = sizeof(place);
	int server = listen_at(place);

	if (server < 0 || getsockname(server, (struct sockaddr *)&place, &size))
		fail("listen", LOOPBACK);
	*port = ntohs(place.sin_port);
	return server;
}

void connect_here(unsigned short port)
{
	struct sockaddr_in place = at(LOOPBACK, port);
	int server = listen_at(place), client = open_socket(SOCK_STREAM);

	/* Where nobody may listen nobody answers: the attempt is what is to be seen. */
	if (connect(client, (struct sockaddr *)&place, sizeof(place)) && errno != ECONNREFUSED)
		fail("connect", LOOPBACK);
	close(client);
	if (server >= 0)
		close(server);
}

int dial_here(unsigned short port)
{
	struct sockaddr_in place = at(LOOPBACK, port);
	int client = open_socket(SOCK_STREAM);

	if (connect(client, (struct sockaddr *)&place, sizeof(place)))
		fail("connect", LOOPBACK);
	return client;
}

void connect_pair(int *client, int *server)
{
	unsigned short port;
	int listener = listen_anywhere(&port);

	*client = dial_here(port);
	*server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (*server < 0)
		fail("accept", LOOPBACK);
	close(listener);
}

void name_peer(const char *address, unsigned short port)
{
	struct sockaddr_in place = at(address, port);
	int handle = open_socket(SOCK_DGRAM);

	/* Without a route there it fails: after it was seen. */
	(void)!connect(handle, (struct sockaddr *)&place, sizeof(place));
	close(handle);
}

/* RFC 1035, 4.1: a question for the name's addresses. */
static size_t write_question(unsigned char *message, const char *name)
{
	static const unsigned char head[12] = { 0x4b, 0x43, 1, 0, 0, 1 }, type_a_class_in[4] = { 0, 1, 0, 1 };
	size_t at = sizeof(head), size;

	memcpy(message, head, sizeof(head));
	for (; *name; name += size + (name[size] == '.')) {
		size = strcspn(name, ".");
		message[at++] = (unsigned char)size;
		memcpy(&message[at], name, size);
		at += size;
	}
	message[at++] = 0;
	memcpy(&message[at], type_a_class_in, sizeof(type_a_class_in));
	return at + sizeof(type_a_class_in);
}

/* One address, loopback, valid for a minute. */
static size_t write_answer(unsigned char *message, size_t size)
{
	static const unsigned char record[16] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1 };

	message[2] = 0x81;
	message[3] = 0x80;
	message[7] = 1;
	memcpy(&message[size], record, sizeof(record));
	return size + sizeof(record);
}

/* Port 53, or 5353 for who may not have that one. Never a port where somebody else would get, and pass on, the question. */
static int bind_resolver(struct sockaddr_in *place)
{
	static const unsigned short ports[] = { 53, 5353 };
	int server = open_socket(SOCK_DGRAM);

	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		*place = at(LOOPBACK, ports[i]);
		if (!bind(server, (struct sockaddr *)place, sizeof(*place)))
			return server;
	}
	fail("bind", "ports 53 and 5353 of " LOOPBACK ", to answer DNS");
}

void ask_dns(const char *name)
{
	struct timeval patience = { 2, 0 };
	struct sockaddr_in place, peer;
	socklen_t peer_size = sizeof(peer);
	unsigned char message[512];
	int server = bind_resolver(&place), client = open_socket(SOCK_DGRAM);
	ssize_t size = (ssize_t)write_question(message, name);

	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(client, (struct sockaddr *)&place, sizeof(place)) || send(client, message, size, 0) != size)
		fail("send", name);
	size = recvfrom(server, message, sizeof(message), 0, (struct sockaddr *)&peer, &peer_size);
	if (size < 0)
		fail("receive", name);
	size = (ssize_t)write_answer(message, size);
	if (sendto(server, message, size, 0, (struct sockaddr *)&peer, peer_size) != size ||
	    recv(client, message, sizeof(message), 0) < 0)
		fail("answer", name);
	close(client);
	close(server);
}
