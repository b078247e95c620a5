#!/bin/sh
# Installs what a host needs to run a server of a circuit with systemd, and to mount one from /etc/fstab: the unit, its
# options in /etc/default/circuit (kept where they are there), the group circuit, mount.circuit, and completions. It starts nothing.
#
#   packaging/install.sh            as root; `circuit` must be installed (npm install -g circuitfs)
#   packaging/install.sh --remove   takes all of it away, but for /etc/default/circuit and the group
#
# DESTDIR puts it below another directory, for packages.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=${DESTDIR-}
unit=$root/etc/systemd/system/circuit.service
users=$root/etc/sysusers.d/circuit.conf
helper=$root/sbin/mount.circuit
for_bash=$root/usr/share/bash-completion/completions/circuit
for_zsh=$root/usr/local/share/zsh/site-functions/_circuit
for_fish=$root/usr/share/fish/vendor_completions.d/circuit.fish

fail() {
  echo "packaging/install.sh: $*" >&2
  exit 1
}

# Whether this machine itself is meant, and it runs systemd.
live() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail 'only root can install it: sudo packaging/install.sh'

case ${1-} in
  '') ;;
  --remove)
    if live; then systemctl disable --now circuit.service || :; fi
    rm -f "$unit" "$users" "$helper" "$for_bash" "$for_zsh" "$for_fish"
    if live; then systemctl daemon-reload; fi
    exit 0
    ;;
  *) fail "there is no option $1" ;;
esac

circuit=${CIRCUIT_PROGRAM-$(command -v circuit)} || fail 'there is no circuit on the PATH: npm install -g circuitfs'

# Neither knows your PATH. Where Node is in no usual place, both are told.
node=$(command -v node) || node=/usr/bin/node
case $node in
  /usr/bin/node | /usr/local/bin/node) start=$circuit ;;
  *) start="$node $circuit" ;;
esac
install -d "$root/etc/systemd/system" "$root/etc/sysusers.d" "$root/etc/default" "$root/sbin"
sed "s|^ExecStart=/usr/local/bin/circuit|ExecStart=$start|" "$here/circuit.service" >"$unit"
sed "s|^PATH=\$PATH:/usr/local/bin|&:${circuit%/*}:${node%/*}|" "$here/mount.circuit" >"$helper"
chmod 644 "$unit" && chmod 755 "$helper"
install -m 644 "$here/circuit.sysusers" "$users"
[ -e "$root/etc/default/circuit" ] || install -m 644 "$here/circuit.default" "$root/etc/default/circuit"

install -d "${for_bash%/*}" "${for_zsh%/*}" "${for_fish%/*}"
completion() { PATH=${node%/*}:$PATH "$circuit" completion "$1"; }
completion bash >"$for_bash"
completion zsh >"$for_zsh"
completion fish >"$for_fish"

# Programs that index all files would find nothing of use.
prune=$root/etc/updatedb.conf
if [ -e "$prune" ] && ! grep -q '^PRUNEFS=.*fuse\.circuit' "$prune"; then
  sed -i 's/^\(PRUNEFS *= *".*\)"/\1 fuse.circuit"/' "$prune"
fi

if [ -z "$root" ]; then
  getent group circuit >/dev/null || groupadd --system circuit
fi
if live; then systemctl daemon-reload; fi
echo "installed; next: edit /etc/default/circuit, then systemctl enable --now circuit" >&2
