#!/bin/sh
# Unpacks Debian's MySQL server and all that it needs below $1, beside the system: apt works on lists, a cache and a status
# of its own, so that no installed package is touched and no right is needed. Says in one line why it cannot.
set -eu

into=$1
version=unstable # the suite that carries MySQL
# What another version of these lines made is made anew.
made="$into/made.$(cksum <"$0" | cut -d' ' -f1)"
[ ! -e "$made" ] || exit 0

fail() {
    echo "$1" >&2
    exit 1
}

for program in apt-get dpkg-deb; do
    command -v "$program" >/dev/null || fail "$program is missing"
done
mirror=$(apt-get indextargets --format '$(SITE) $(ORIGIN)' 'Created-By: Packages' 2>/dev/null |
    sed -n 's/ Debian$//p' | grep -v security | head -n 1)
[ -n "$mirror" ] || fail "apt knows no mirror of Debian (apt-get update tells it)"

rm -rf "$into"
mkdir -p "$into/state/lists/partial" "$into/cache/archives/partial" "$into/root"
into=$(cd "$into" && pwd)
: >"$into/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $version main" >"$into/sources.list"
private() {
    apt-get -qq -o Dir::State="$into/state" -o Dir::State::status="$into/status" -o Dir::Cache="$into/cache" \
        -o Dir::Etc::sourcelist="$into/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferencesparts=/dev/null -o Dir::Log="$into" -o APT::Sandbox::User= \
        -o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::http::Timeout=20 "$@" >"$into/log" 2>&1
}
private update || fail "apt-get update did not reach the mirror's $version: $(tail -n 1 "$into/log")"
private -y --no-install-recommends --download-only install mysql-server-core ||
    fail "mysql-server-core cannot be fetched: $(tail -n 1 "$into/log")"
for package in "$into"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$into/root"
done
rm -rf "$into/cache" "$into/state"
touch "$into/${made##*/}"
