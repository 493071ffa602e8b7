// SPDX-License-Identifier: Apache-2.0
/*
 * Attacks, for rules to be tried on: one scenario for each way to set off a rule, and a harmless twin that must not. It does no harm: its own
 * files and loopback are all it touches, no module is loaded, nothing leaves the machine, and it clears away what it made. It is linked
 * statically, so that it runs in any container, and opens no file that it does not say.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"

static const char usage[] =
    "usage: attack list [--markdown]\n"
    "       attack SCENARIO|RULE|all [--twin]   does it, or its harmless twin\n"
    "       attack normal                       does once what the twins rely on being learned\n"
    "       attack workload                     the same, and again at each SIGHUP: what a container is started with\n"
    "       attack malicious-app                the steps of KubeCop's malicious app\n"
    "options: --directory DIR  where its files are put (default: /var/tmp, else /)\n"
    "         --volume DIR     a mounted directory (default: the first that serves)\n"
    "Exit code: 0 done, 1 something could not be done, 2 usage.\n";

struct options {
	bool is_twin, is_markdown;
	const char *directory, *volume;
};

static size_t count_scenarios(void)
{
	return deviation_count + signature_count;
}

static const struct scenario *scenario_at(size_t index)
{
	return index < deviation_count ? &deviations[index] : &signatures[index - deviation_count];
}

/* By its name, or as one of its rule's. */
static bool is_called(const struct scenario *scenario, const char *name)
{
	size_t size = strlen(name);

	return !strncmp(scenario->name, name, size) && (scenario->name[size] == 0 || scenario->name[size] == '-');
}

static int rule_length(const struct scenario *scenario)
{
	return (int)strcspn(scenario->name, "-");
}

static void list(bool is_markdown)
{
	if (is_markdown)
		printf("| scenario | does | should be seen | its twin |\n|---|---|---|---|\n");
	for (size_t i = 0; i < count_scenarios(); i++) {
		const struct scenario *one = scenario_at(i);

		if (is_markdown)
			printf("| `%s` | %s | %.*s %s | %s |\n", one->name, one->deed, rule_length(one), one->name,
			       one->seen, one->twin);
		else
			printf("%-17s %s\n%-17s should be seen: %.*s %s\n%-17s twin: %s\n", one->name, one->deed, "",
			       rule_length(one), one->name, one->seen, "", one->twin);
	}
}

static void act(const struct scenario *one, bool is_twin)
{
	if (is_twin)
		printf("%s: %s\n    should not be seen: %.*s\n", one->name, one->twin, rule_length(one), one->name);
	else
		printf("%s: %s\n    should be seen: %.*s %s\n", one->name, one->deed, rule_length(one), one->name,
		       one->seen);
	fflush(stdout);
	(is_twin ? one->harmless : one->attack)();
	clean_up();
}

/* In a program of its own: its arguments say in an alert what it was. */
static int spawn(const struct scenario *one, const struct options *options, bool is_twin)
{
	const char *arguments[8] = { self(), one->name };
	int count = 2, status = 0;
	pid_t child;

	if (is_twin)
		arguments[count++] = "--twin";
	if (options->directory) {
		arguments[count++] = "--directory";
		arguments[count++] = options->directory;
	}
	if (options->volume) {
		arguments[count++] = "--volume";
		arguments[count++] = options->volume;
	}
	child = start_program(self(), arguments, -1, -1);
	waitpid(child, &status, 0);
	return status ? 1 : 0;
}

static int be_normal(const struct options *options)
{
	int failed = 0;

	for (size_t i = 0; i < deviation_count; i++)
		failed |= spawn(&deviations[i], options, true);
	return failed;
}

static int attack(const char *name, const struct options *options)
{
	const struct scenario *chosen[64];
	size_t count = 0;
	int failed = 0;

	for (size_t i = 0; i < count_scenarios(); i++) {
		if (!strcmp(name, "all") || is_called(scenario_at(i), name))
			chosen[count++] = scenario_at(i);
	}
	if (count == 0) {
		fprintf(stderr, "attack: there is no scenario '%s'; 'attack list' tells what there is\n", name);
		return 2;
	}
	if (count == 1) {
		act(chosen[0], options->is_twin);
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		failed |= spawn(chosen[i], options, options->is_twin);
	return failed;
}

static void interrupted(int signal)
{
	clean_up();
	_exit(128 + signal);
}

/* As the first process of a container it also collects those that lost their parents. */
static _Noreturn void work_on(const struct options *options)
{
	sigset_t awaited;
	int received;

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGHUP);
	sigaddset(&awaited, SIGCHLD);
	for (;;) {
		sigprocmask(SIG_UNBLOCK, &awaited, NULL);
		puts(be_normal(options) ? "not all of the normal behaviour could be done" : "normal");
		sigprocmask(SIG_BLOCK, &awaited, NULL);
		while (sigwait(&awaited, &received) || received != SIGHUP) {
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
		}
	}
}

static const char *read_options(int count, char **arguments, struct options *options)
{
	const char *verb = NULL;

	for (int i = 1; i < count; i++) {
		if (!strcmp(arguments[i], "--twin"))
			options->is_twin = true;
		else if (!strcmp(arguments[i], "--markdown"))
			options->is_markdown = true;
		else if (!strcmp(arguments[i], "--directory") && i + 1 < count)
			options->directory = arguments[++i];
		else if (!strcmp(arguments[i], "--volume") && i + 1 < count)
			options->volume = arguments[++i];
		else if (arguments[i][0] != '-' && !verb)
			verb = arguments[i];
		else
			return NULL;
	}
	return verb;
}

int main(int count, char **arguments)
{
	int result = stand_in(count, arguments);
	struct options options = { 0 };
	const char *verb;

	if (result >= 0)
		return result;
	verb = read_options(count, arguments, &options);
	if (!verb) {
		fputs(usage, stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	set_directory(options.directory);
	set_volume(options.volume);
	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	if (!strcmp(verb, "list")) {
		list(options.is_markdown);
		return 0;
	}
	if (!strcmp(verb, "normal"))
		return be_normal(&options);
	if (!strcmp(verb, "workload"))
		work_on(&options);
	if (!strcmp(verb, "malicious-app")) {
		malicious_app();
		clean_up();
		return 0;
	}
	return attack(verb, &options);
}
