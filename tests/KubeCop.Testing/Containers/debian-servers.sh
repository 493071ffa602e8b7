#!/usr/bin/env bash
# usage: debian-servers.sh FILE
# Writes the layer of an image with nginx, redis and postgresql as Debian ships them, and their clients: their packages and all that these
# depend on, unpacked into a directory of their own. Nothing is installed on this machine. Exit status 77: this machine has no such packages.
set -euo pipefail

file=$(realpath -m "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

if ! command -v apt-get dpkg-deb >/dev/null; then
	echo "needs apt-get and dpkg-deb" >&2
	exit 77
fi

# As if no package were installed yet: all dependencies come along.
mkdir -p "$work/archives/partial"
apt-get -qq -y --download-only -o Dir::State::status=/dev/null -o Dir::Cache::archives="$work/archives" -o Debug::NoLocking=true \
	-o APT::Sandbox::User=root -o APT::Install-Recommends=false install \
	base-files bash busybox-static coreutils dash nginx-light postgresql redis-server >"$work/log" 2>&1 || {
	cat "$work/log" >&2
	exit 77
}

# Debian's packages still name the directories that were merged into /usr.
mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$root/$directory"; done
for package in "$work"/archives/*.deb; do
	dpkg-deb --fsys-tarfile "$package" |
		tar -C "$root" -x --keep-directory-symlink --exclude='./usr/share/'{doc,man,locale,i18n}
done

# What the packages' own scripts would have made.
mkdir -p "$root"/{dev,proc,run,sys,tmp}
chmod 1777 "$root/tmp"
cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
redis:x:105:105:redis:/var/lib/redis:/usr/sbin/nologin
postgres:x:106:106:postgres:/var/lib/postgresql:/bin/bash
END
sed 's/:.*//; s/$/:x:/' "$root/etc/passwd" | paste -d '' - <(printf '%s:\n' 0 33 105 106) >"$root/etc/group"
cp "$root/usr/share/libc-bin/nsswitch.conf" "$root/etc/nsswitch.conf"
ln -s /etc/nginx/sites-available/default "$root/etc/nginx/sites-enabled/default"
rm -rf "$root/var/run" && ln -s /run "$root/var/run"
mkdir -p "$root"/var/{lib/nginx,lib/redis,log/nginx,log/redis,www/html} "$root/run/postgresql"
chown 106:106 "$root/run/postgresql"
(cd "$root/usr/lib/postgresql" && ln -s ./*/bin bin)
echo hello >"$root/var/www/html/index.html"

mkdir -p "$(dirname "$file")"
tar -C "$root" -cf "$file.new" --numeric-owner .
mv "$file.new" "$file"
