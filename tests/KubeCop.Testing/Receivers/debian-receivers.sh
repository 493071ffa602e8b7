#!/bin/sh
# Unpacks what takes alerts (rsyslog, syslog-ng, Alertmanager) and the libraries it needs into a directory. Installed, the
# first two would push each other out, and all would start to serve.
# usage: debian-receivers.sh DIRECTORY
set -eu
directory=$1
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
chmod 755 "$temporary"
cd "$temporary"
apt-get -qq -o APT::Sandbox::User=root download \
	rsyslog rsyslog-gnutls libestr0 libfastjson4 liblognorm5 \
	syslog-ng-core libivykis0 libnet1 libjson-c5 libwrap0 \
	prometheus-alertmanager
for package in *.deb; do
	dpkg -x "$package" root
done
rm -rf "$directory"
mkdir -p "$(dirname "$directory")"
mv root "$directory"
