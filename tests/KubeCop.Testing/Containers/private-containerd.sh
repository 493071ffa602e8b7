#!/bin/sh
# usage: private-containerd.sh DIRECTORY NAMESPACE
# Runs a containerd of our own, in a mount namespace of our own where /run/containerd is empty, until our input ends: that
# happens however the test run ends, also when it is killed. Then everything goes: containers, shims, cgroups, files.
# The lines "stop" and "start" in our input kill containerd and start it again.
directory=$1
namespace=$2

mount -t tmpfs tmpfs /run/containerd || exit 1
ln -s "$directory/containerd.sock" /run/containerd/containerd.sock

start() {
	containerd --config "$directory/config.toml" </dev/null >>"$directory/containerd.log" 2>&1 &
	daemon=$!
}

start
while read -r line; do
	case $line in
	stop) kill -9 "$daemon" ;;
	start) start ;;
	esac
done

cgroups() { find /sys/fs/cgroup -maxdepth 2 -type d -name "$namespace"; }

containers() {
	cgroups | while read -r cgroup; do
		find "$cgroup" -name cgroup.procs -exec cat {} +
	done | sort -u
}

# containerd and the shims share our mount namespace; containers have their own.
daemons() {
	ours=$(readlink /proc/self/ns/mnt)
	for process in /proc/[0-9]*; do
		pid=${process#/proc/}
		if [ "$pid" != $$ ] && [ "$(readlink "$process/ns/mnt")" = "$ours" ] && grep -q '^containerd' "$process/comm" 2>/dev/null; then
			echo "$pid"
		fi
	done
}

tries=0
while pids=$(containers) && [ -n "$pids" ] && [ "$tries" -lt 100 ]; do
	for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
	tries=$((tries + 1))
	sleep 0.05
done
for pid in $(daemons); do kill -9 "$pid"; done
cgroups | while read -r cgroup; do find "$cgroup" -depth -type d -exec rmdir {} +; done
rm -rf "$directory"
