# shellcheck shell=bash
# Sourced by the scripts beside it: what they need on this machine, and one build at a time.

# What is said goes to stderr: stdout belongs to the program that is run.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
	say "$@"
	exit 1
}

# Finds the .NET SDK, also where an install script put it without changing PATH.
need_dotnet() {
	local root
	if ! command -v dotnet >/dev/null; then
		for root in "${DOTNET_ROOT:-}" "$HOME/.dotnet" /usr/share/dotnet /usr/lib/dotnet; do
			if [[ -n $root && -x $root/dotnet ]]; then
				PATH=$root:$PATH
				break
			fi
		done
	fi
	command -v dotnet >/dev/null || die "the .NET 10 SDK is not installed. Get it from https://dot.net/download and try again."
	# An apphost looks for the runtime here before the places where packages put it.
	if [[ -z ${DOTNET_ROOT:-} ]]; then
		root=$(dirname "$(readlink -f "$(command -v dotnet)")")
		export DOTNET_ROOT=$root
	fi
	export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
}

# Whether what a Debian package is needed for is here, however it came.
have() {
	case $1 in
	libbpf-dev) [[ -e /usr/include/bpf/bpf_helpers.h ]] ;;
	libc6-dev) compgen -G '/usr/lib/*/libc.a' >/dev/null || compgen -G '/usr/lib*/libc.a' >/dev/null ;;
	libbpf-tools) [[ -x /usr/sbin/opensnoop && -x /usr/sbin/execsnoop ]] ;;
	libbpf1) compgen -G '/usr/lib*/libbpf.so.1' >/dev/null || compgen -G '/usr/lib/*/libbpf.so.1' >/dev/null ;;
	busybox-static) dpkg-query -W -f '${Status}' busybox-static 2>/dev/null | grep -q '^install ok installed' ;;
	containernetworking-plugins) [[ -x /usr/lib/cni/bridge ]] ;;
	iproute2) PATH=$PATH:/usr/sbin:/sbin command -v ip >/dev/null ;;
	nodejs) command -v node >/dev/null ;;
	postgresql) compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ;;
	qemu-system-x86) command -v qemu-system-x86_64 >/dev/null ;;
	*) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
	esac
}

as_root() {
	if ((EUID == 0)); then
		"$@"
	else
		sudo "$@"
	fi
}

update_packages() { as_root apt-get -o DPkg::Lock::Timeout=300 update -qq; }

# need WHY PACKAGE... installs those of the packages that are missing.
need() {
	local why=$1 package missing=() log
	shift
	for package; do
		have "$package" || missing+=("$package")
	done
	((${#missing[@]})) || return 0

	local command="apt-get install -y --no-install-recommends ${missing[*]}"
	command -v apt-get >/dev/null ||
		die "needs $why: ${missing[*]} (names of the Debian packages). This system has no apt-get; install them its own way."
	((EUID == 0)) || command -v sudo >/dev/null || die "needs ${missing[*]} $why. As root, run: apt-get update && $command"
	say "installing ${missing[*]} $why"
	log=$(mktemp)
	local install=(as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qq -y --no-install-recommends)
	# A fresh machine has no package lists, an old one has lists of versions that are gone: only then ask for new ones.
	if ! "${install[@]}" "${missing[@]}" >"$log" 2>&1 &&
		! { update_packages && "${install[@]}" "${missing[@]}"; } >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		die "could not install ${missing[*]}. As root, run: apt-get update && $command"
	fi
	rm -f "$log"
}

# Everything that compiling needs.
need_build_tools() {
	need_dotnet
	need "to compile the eBPF programs and the attack simulator" clang libbpf-dev libc6-dev
}

# quietly WHAT COMMAND... shows the command's output only if it fails.
quietly() {
	local what=$1 log
	shift
	say "$what"
	log=$(mktemp)
	if ! "$@" >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		die "failed: $*"
	fi
	rm -f "$log"
}

# one_at_a_time FUNCTION... runs it while no other script here sets up or builds.
one_at_a_time() {
	local artifacts
	artifacts=$(dirname "${BASH_SOURCE[0]}")/../artifacts
	mkdir -p "$artifacts"
	(
		flock -n 8 || {
			say "waiting for another build"
			flock 8
		}
		"$@" 8>&-
	) 8<"$artifacts"
}
