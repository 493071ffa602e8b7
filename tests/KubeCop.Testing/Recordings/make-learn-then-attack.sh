#!/usr/bin/env bash
# Makes the recording of the same name anew. As root; needs runc, busybox-static and the test build (tools/test).
# usage: make-learn-then-attack.sh KUBECOP BEHAVIOUR OUTPUT
set -euo pipefail
kubecop=$1 behaviour=$2 output=$3
bundle=$(mktemp -d)
trap 'rm -rf "$bundle"' EXIT

mkdir -p "$bundle"/rootfs/{bin,srv,etc}
cp /bin/busybox "$behaviour" "$bundle/rootfs/bin/"
for applet in sh cat ls cp sleep id; do ln -s busybox "$bundle/rootfs/bin/$applet"; done
echo '<p>It works.' >"$bundle/rootfs/srv/index.html"
echo 'root:x:' >"$bundle/rootfs/etc/shadow"
cat >"$bundle/rootfs/srv/run" <<'SCRIPT'
#!/bin/sh
n=0
while [ $n -lt 5 ]; do
	/bin/cat /srv/index.html
	/bin/ls /srv
	/bin/behaviour dns 4 shop.example
	/bin/behaviour tcp 4 "$((8000 + n % 2))"
	/bin/sleep 2
	n=$((n + 1))
done
/bin/cp /bin/busybox /dev/shm/id
/dev/shm/id
/bin/cat /etc/shadow
/bin/behaviour tcp 4 4444
/bin/behaviour dns 4 evil.example
/bin/busybox chroot / /bin/id
SCRIPT
chmod +x "$bundle/rootfs/srv/run"
(cd "$bundle" && runc spec)
sed -i 's/"terminal": true/"terminal": false/; s/"readonly": true/"readonly": false/; s|"sh"$|"/bin/sh", "/srv/run"|' "$bundle/config.json"

rm -f "$output"
"$kubecop" record "$output" 2>"$bundle/log" &
recorder=$!
until grep -q '^recording to' "$bundle/log"; do sleep 0.1; done
runc run --bundle "$bundle" shop </dev/null >/dev/null 2>&1 || true
kill -TERM "$recorder"
wait "$recorder"
cat "$bundle/log"
