#!/usr/bin/env bash
# init.sh ROOT - makes ROOT the root directory of the namespaces that it is run
# in, and becomes systemd there. machine.sh starts it as the first process of a
# PID namespace.
#
# What has no namespace belongs to the machine that the test runs on, and nothing
# in here may change it. systemd empties /tmp when it boots, applies sysctls and
# loads modules: so ROOT is an overlay, /tmp and /run are new ones, /sys and
# /proc/sys are read-only, /dev has what any container has, and the capabilities
# for the clock, the kernel's modules, its log and its audit are dropped.
set -euo pipefail
root=$1

mount --make-rprivate /
# A directory of the machine itself would lose its files.
[ "$(stat -f -c %T "$root")" = overlayfs ] || {
	echo "init.sh: $root is not an overlay" >&2
	exit 1
}
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for directory in run tmp var/tmp home root usr/local; do
	mount -t tmpfs -o mode=0755 tmpfs "$root/$directory"
done
chmod 1777 "$root/tmp" "$root/var/tmp"

mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
	: >"$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"

# The old root is on top of the new one for a moment.
cd "$root"
pivot_root . .
umount -l .
cd /
# As systemd does it where there is no container.
mount --make-rshared /
exec env -i container=docker PATH=/usr/sbin:/usr/bin:/sbin:/bin setpriv \
	--bounding-set=-sys_module,-sys_time,-sys_boot,-sys_rawio,-syslog,-audit_control,-audit_read,-audit_write \
	/lib/systemd/systemd --system --unit=basic.target </dev/null
