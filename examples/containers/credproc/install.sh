#!/bin/sh
# Installs credproc from a release in an image, and credproc-forward, which runs a
# command with the role of an endpoint on the host. The options of
# devcontainer-feature.json are in the environment.
set -eu
umask 022
cd "$(dirname "$0")"
fail() {
	echo "credproc: $*" >&2
	exit 1
}

[ "$(id -u)" = 0 ] || fail "only root can install"
case ${VERSION:-} in
'' | [!0-9]* | *[!0-9A-Za-z.-]*) fail "the option version is \"${VERSION:-}\": it must be the version of a release, such as 0.1.0" ;;
esac
sums=$(printf %s "${SHA256:-}" | tr 'A-F\n\t' 'a-f  ')
[ -n "$sums" ] || fail "the option sha256 is missing: it must be the archive's sum from the SHA256SUMS of the release"
case $sums in
*[!0-9a-f\ ]*) fail "the option sha256 must be one or more sums of 64 hexadecimal digits" ;;
esac
case ${URL:-} in
*[!]A-Za-z0-9:/._%~+=,[-]*) fail "the option url has a character that no URL of a role has" ;;
https://?*/profile/?* | https://?*/role/?*/?*) ;;
*) fail "the option url must be https://HOST:PORT/profile/NAME or https://HOST:PORT/role/ACCOUNT/ROLE" ;;
esac
case ${REGION:-} in
*[!a-z0-9-]*) fail "the option region is not an AWS region" ;;
esac
case $(uname -m) in
x86_64 | amd64) arch=amd64 ;;
aarch64 | arm64) arch=arm64 ;;
*) fail "there is no release for $(uname -m)" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work" /usr/local/bin/.credproc.$$ /usr/local/bin/.credproc-forward.$$' EXIT
name=credproc_${VERSION}_linux_$arch
from=${FROM:-https://github.com/credproc/credproc/releases/download/v$VERSION}
case $from in
https://*)
	if command -v curl >/dev/null; then
		curl -fsSL --proto '=https' --retry 3 -o "$work/archive" "$from/$name.tar.gz"
	elif command -v wget >/dev/null; then
		wget -q -O "$work/archive" "$from/$name.tar.gz"
	else
		fail "the image has neither curl nor wget: add ghcr.io/devcontainers/features/common-utils"
	fi || fail "cannot get $from/$name.tar.gz"
	;;
*://*) fail "the option from must be an https:// address or a directory" ;;
*) cp "$from/$name.tar.gz" "$work/archive" || fail "$from has no $name.tar.gz" ;;
esac
sum=$(sha256sum "$work/archive")
sum=${sum%% *}
case " $sums " in
*" $sum "*) ;;
*) fail "$name.tar.gz has the SHA-256 sum $sum, which the option sha256 does not have: nothing is installed" ;;
esac
tar -xzf "$work/archive" -C "$work" "$name/credproc"
[ -f "$work/$name/credproc" ] && [ ! -L "$work/$name/credproc" ] || fail "what $name.tar.gz has as credproc is no program"
"$work/$name/credproc" version >/dev/null || fail "the program of $name.tar.gz does not run here"

mkdir -p /usr/local/bin
cp "$work/$name/credproc" /usr/local/bin/.credproc.$$
cat >/usr/local/bin/.credproc-forward.$$ <<-END
	#!/bin/sh
	# Runs a command, or your shell, with the role of the endpoint on the host.
	case \${1---} in --) ;; *) set -- -- "\$@" ;; esac
	[ ! -e /run/credproc/ca.pem ] || set -- --ca /run/credproc/ca.pem "\$@"
	exec /usr/local/bin/credproc forward --to '$URL' --token-file /run/credproc/token${REGION:+ --region $REGION} "\$@"
END
chmod 755 /usr/local/bin/.credproc.$$ /usr/local/bin/.credproc-forward.$$
mv -f /usr/local/bin/.credproc.$$ /usr/local/bin/credproc
mv -f /usr/local/bin/.credproc-forward.$$ /usr/local/bin/credproc-forward
