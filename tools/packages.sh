# Sourced by tools/quickstart, tests/run and tests/bench/run: need_packages NAME... installs what is missing of these Debian packages.
# Does nothing, and says nothing, when all are there.

BUILD_PACKAGES="gcc cmake ninja-build pkg-config libevent-dev libhiredis-dev libcurl4-openssl-dev libjson-c-dev libsystemd-dev
	libssl-dev libicu-dev libpango1.0-dev libqpdf-dev libncurses-dev"
RUN_PACKAGES="fonts-dejavu-core"
command -v redis-server >/dev/null || RUN_PACKAGES="redis-server $RUN_PACKAGES" # where it is there, it may be Valkey's (valkey-redis-compat)
TEST_PACKAGES="libcmocka-dev strace man-db systemd openssl curl jq tzdata patch postfix sasl2-bin libsasl2-modules"

need_packages() {
	missing=
	for package in "$@"; do
		dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	echo "installing from Debian:$missing"
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || {
			echo "these packages are missing, and neither root nor sudo is at hand:$missing" >&2
			return 1
		}
		as_root=sudo
	fi
	# Packages start no service here: a private redis-server is run instead.
	policy=/usr/sbin/policy-rc.d
	ours=
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | $as_root sh -c "cat >$policy && chmod 755 $policy"
		ours=1
	fi
	status=0
	# shellcheck disable=SC2086
	$as_root env DEBIAN_FRONTEND=noninteractive sh -c "apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing" \
		>/tmp/dunningd-packages.$$ 2>&1 || status=1
	[ $status -eq 0 ] || cat /tmp/dunningd-packages.$$ >&2
	rm -f /tmp/dunningd-packages.$$
	[ -z "$ours" ] || $as_root rm -f $policy
	return $status
}
