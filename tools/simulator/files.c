// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attack.h"

/* In a directory that the default binding watches (so not in /tmp) and that is part of the container's file system, not mounted. */
static const char *const places[] = { "/var/tmp/kubecop-attack", "/kubecop-attack", "/tmp/kubecop-attack" };

static char *made[64];
static size_t made_count;
static const char *directory, *volume;
static bool directory_is_ready;

static char *joined(const char *path, const char *name)
{
	char *text;

	if (asprintf(&text, "%s/%s", path, name) < 0)
		fail("asprintf", path);
	return text;
}

static void remember(const char *path)
{
	if (made_count == sizeof(made) / sizeof(*made))
		fail("remember", path);
	made[made_count++] = strdup(path);
}

void clean_up(void)
{
	while (made_count > 0) {
		const char *path = made[--made_count];

		if (unlink(path) && errno == EISDIR)
			rmdir(path);
	}
}

const char *self(void)
{
	static char path[PATH_MAX];

	if (!path[0] && readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		fail("readlink", "/proc/self/exe");
	return path;
}

void set_directory(const char *path)
{
	directory = path;
}

void make_directory(const char *path)
{
	char *copy = strdup(path);

	for (char *slash = copy;;) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = 0;
		if (!mkdir(copy, 0755))
			remember(copy);
		else if (errno != EEXIST)
			fail("mkdir", copy);
		if (!slash)
			break;
		*slash = '/';
	}
	free(copy);
}

static void choose_directory(void)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		directory = places[i];
		if (!mkdir(directory, 0755)) {
			remember(directory);
			return;
		}
		if (errno == EEXIST && !access(directory, W_OK))
			return;
	}
	fail("mkdir: no place to write to; give one with --directory", directory);
}

const char *own(const char *name)
{
	if (!directory)
		choose_directory();
	else if (!directory_is_ready)
		make_directory(directory);
	directory_is_ready = true;
	return joined(directory, name);
}

static void make_parent(const char *path)
{
	char *copy = strdup(path), *slash = strrchr(copy, '/');

	if (slash && slash != copy) {
		*slash = 0;
		make_directory(copy);
	}
	free(copy);
}

static const char *make_node(const char *path, mode_t mode)
{
	make_parent(path);
	if (!mknod(path, mode, 0))
		remember(path);
	else if (errno != EEXIST)
		fail("mknod", path);
	return path;
}

const char *make_file(const char *path)
{
	return make_node(path, S_IFREG | 0600);
}

const char *token(void)
{
	static const char *const paths[] = {
		"/var/run/secrets/kubernetes.io/serviceaccount/token",
		"/run/secrets/kubernetes.io/serviceaccount/token",
	};

	return access(paths[0], F_OK) ? make_file(paths[1]) : paths[0];
}

const char *make_fifo(const char *path)
{
	return make_node(path, S_IFIFO | 0600);
}

const char *link_self(const char *path)
{
	make_parent(path);
	unlink(path);
	if (symlink(self(), path))
		fail("symlink", path);
	remember(path);
	return path;
}

const char *copy_self(const char *path)
{
	int file;

	make_parent(path);
	unlink(path);
	file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (file < 0)
		fail("open", path);
	remember(path);
	copy_self_into(file);
	close(file);
	return path;
}

void copy_self_into(int file)
{
	static char buffer[65536];
	int source = open(self(), O_RDONLY | O_CLOEXEC);
	ssize_t size;

	if (source < 0)
		fail("open", self());
	while ((size = read(source, buffer, sizeof(buffer))) > 0) {
		if (write(file, buffer, size) != size)
			fail("write", "a copy of this program");
	}
	close(source);
}

void read_file(const char *path)
{
	char buffer[256];
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		fail("open", path);
	(void)!read(file, buffer, sizeof(buffer));
	close(file);
}

void set_volume(const char *path)
{
	volume = path;
}

/* proc_pid_mountinfo(5): a part of another file system mounted here is what runtimes make of volumes. */
static const char *find_volume(void)
{
	static char point[PATH_MAX];
	char line[PATH_MAX * 2], root[PATH_MAX], options[256];
	struct stat status;
	FILE *mounts;

	if (volume)
		return volume;
	mounts = fopen("/proc/self/mountinfo", "re");
	if (!mounts)
		fail("open", "/proc/self/mountinfo");
	while (!volume && fgets(line, sizeof(line), mounts)) {
		if (sscanf(line, "%*s %*s %*s %4095s %4095s %255s", root, point, options) != 3)
			continue;
		if (strcmp(root, "/") && strcmp(point, "/") && !strstr(options, "noexec") && !access(point, W_OK) &&
		    !stat(point, &status) && S_ISDIR(status.st_mode))
			volume = point;
	}
	fclose(mounts);
	return volume;
}

const char *volume_path(const char *suffix)
{
	const char *path = find_volume();
	char *text;

	if (!path) {
		errno = ENOENT;
		fail("no volume in which programs can be written and started; mount one, or name it with --volume",
		     "volume");
	}
	if (asprintf(&text, "%s%s", path, suffix) < 0)
		fail("asprintf", path);
	return text;
}
