#!/bin/sh
# Installs the Debian packages that the tests run, where any is missing. Costs nothing when all are there.
# Where it can't install (not root, not Debian) it says what is missing and lets the run go on: tests that
# need one of them then skip, and say so.
set -eu

packages='
avahi-daemon
avahi-utils
bind9
bind9-dnsutils
busybox-static
curl
dbus
dnsperf
docker.io
fish
fuse3
gcc
iproute2
iptables
knot-dnsutils
less
libc6-dev
libfuse3-dev
make
man-db
openssl
perl
pkg-config
procps
python3
redis-server
redis-tools
rsync
shellcheck
strace
systemd
tmux
util-linux
zsh
'

if ! command -v dpkg-query >/dev/null; then
  # shellcheck disable=SC2086 # the list is words
  echo "debian-packages: not a Debian system; the tests use the commands of:" $packages >&2
  exit 0
fi

# shellcheck disable=SC2086 # the list is words
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $packages 2>/dev/null || true)
missing=
for package in $packages; do
  case "
$installed
" in
    *"
installed $package
"*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "debian-packages: MISSING, and only root can install them with apt-get:$missing" >&2
  echo "debian-packages: tests that need them will be skipped" >&2
  exit 0
fi

echo "debian-packages: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive

# A package that brings a service (redis-server) would start it where an init system runs. Debian asks
# policy-rc.d first; ours says no, and goes away with this script.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

# It comes with docker.io; where it was there before it is somebody's.
containerd=$(command -v containerd || true)

apt='apt-get -q -y -o DPkg::Lock::Timeout=120'
$apt update >&2 || true
# shellcheck disable=SC2086
if ! $apt install --no-install-recommends $missing >&2; then
  echo "debian-packages: COULD NOT INSTALL all of:$missing" >&2
  echo "debian-packages: tests that need them will be skipped" >&2
fi

# Nor are they to start with the machine, on port 53 for example, or when somebody asks for them: the tests
# start their own.
for package in $missing; do
  case $package in
    avahi-daemon) service=avahi-daemon ;;
    bind9) service=named ;;
    docker.io)
      service=docker
      units=docker.socket
      [ "$containerd" ] || units="$units containerd.service"
      # shellcheck disable=SC2086
      ! command -v systemctl >/dev/null || systemctl disable $units >&2 || true
      ;;
    redis-server) service=redis-server ;;
    *) continue ;;
  esac
  update-rc.d "$service" disable >&2 || true
done
