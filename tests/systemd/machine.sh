# shellcheck shell=bash
# A machine for a test: a real systemd as PID 1 of namespaces of its own, in which
# the Debian package is installed, and the simulators beside it.
#
# Its root directory is that of the machine we run on, seen through an overlay:
# what it writes is in a tmpfs. The mounts are in a mount namespace of the test,
# and the kernel ends what it starts together with it; so nothing of all this
# is left, even where the test is killed.
# shellcheck disable=SC2034 # used by those that source it

if [ -z "${OWN_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] &&
	unshare --mount true 2>/dev/null; then
	OWN_MOUNTS=1 exec unshare --mount --propagation private "$BASH" "$0" "$@"
fi

# shellcheck source=tests/simulators.sh
. "$(dirname "${BASH_SOURCE[0]}")/../simulators.sh"

# start COMMAND...: as in tap.sh, and it ends with us whatever ends us.
start() {
	setpriv --pdeathsig KILL "$@" &
	pid=$!
	started+=("$pid")
}

# ---- what this needs --------------------------------------------------------

[ "$(id -u)" = 0 ] || skip_all_because "it takes root to start a systemd"
[ -x /lib/systemd/systemd ] || skip_all_because "systemd is not installed"
[ -n "${OWN_MOUNTS:-}" ] || skip_all_because "there are no mount namespaces here"
unshare --pid --fork --uts --ipc --cgroup true 2>/dev/null ||
	skip_all_because "there are no PID, UTS, IPC and cgroup namespaces here"
[ -r "${DEB-}" ] || {
	echo "Bail out! make check-systemd builds the package and names it in DEB"
	exit 1
}

machine= # the pid of its first process, while it runs
machine_parent=
cgroup=
root=${WORK:?}/root # its root directory, as we see it

# shellcheck disable=SC2317 # a trap runs it
end_machine() {
	[ -z "$machine" ] || crash
	remove_cgroup "$cgroup"
	cd / || return
	# What is mounted there is not removed file by file.
	umount -l "$WORK" 2>/dev/null || ! mountpoint -q "$WORK" || WORK=
}
trap 'end_machine; finish' EXIT

# remove_cgroup DIRECTORY: one without processes
remove_cgroup() {
	[ ! -d "$1" ] || find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
}

mount -t tmpfs -o mode=0755 tmpfs "$WORK" ||
	skip_all_because "no tmpfs can be mounted here"
cd "$WORK" || exit 1
mkdir root disk disk/upper disk/work cgroups
mount -t overlay -o lowerdir=/,upperdir=disk/upper,workdir=disk/work overlay "$root" 2>mount.err ||
	skip_all_because "no overlay can be mounted here: $(<mount.err)"
mount -t cgroup2 cgroup2 cgroups 2>mount.err ||
	skip_all_because "no version 2 of cgroups can be mounted here: $(<mount.err)"
# Those of tests that were killed.
for directory in cgroups/ccm-test.*; do
	kill -0 "${directory##*.}" 2>/dev/null || remove_cgroup "$directory"
done
cgroup=$WORK/cgroups/ccm-test.$$
mkdir "$cgroup" 2>/dev/null || skip_all_because "cgroups are read-only here"

# ---- its disk ---------------------------------------------------------------

# Of the machine we run on, nothing of its own configuration and state is in it:
# no units, no instances of ccm, no credentials.
rm -rf "$root"/etc/systemd/* "$root"/var/lib/systemd/* "$root"/var/log/journal \
	"$root"/etc/ccm "$root"/var/lib/ccm "$root"/etc/credstore \
	"$root"/etc/credstore.encrypted "$root"/etc/fstab "$root"/usr/sbin/policy-rc.d
mkdir -p "$root/etc/systemd/system"
# The delay that spreads timers depends on it, among others.
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
# Half an hour away from UTC: minutes are those of the UTC hour all the same.
ln -sfn /usr/share/zoneinfo/Asia/Kolkata "$root/etc/localtime"
cp "$DEB" "$root/ccm.deb"

# ---- running it -------------------------------------------------------------

# boot: returns when systemd has started what it has to. Its output is not ours:
# prove waits for whoever holds the pipe that it reads.
boot() {
	(
		echo "$BASHPID" >"$cgroup/cgroup.procs"
		# unshare ignores SIGTERM while it waits.
		exec setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child \
			--uts --ipc --cgroup "$ROOT/tests/systemd/init.sh" "$root"
	) >>boot.log 2>&1 &
	machine_parent=$!
	until_true 10 find_machine && until_true 60 booted && return
	echo "Bail out! systemd does not start"
	sed 's/^/# /' boot.log
	exit 1
}

find_machine() { machine=$(pgrep -P "$machine_parent"); }

booted() {
	[ "$(on timeout 5 systemctl is-active basic.target)" = active ] &&
		[ -z "$(on timeout 5 systemctl list-jobs --no-legend)" ]
}

# crash: as if the power went.
crash() {
	kill -KILL "$machine" 2>/dev/null
	wait "$machine_parent" 2>/dev/null
	machine=
}

# on COMMAND...: on the machine, as root
on() {
	nsenter --target "$machine" --mount --pid --uts --ipc --cgroup -- \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
}

# install_package: as an administrator does. (That the pages of man(1) are
# indexed takes longest and is not waited for.)
install_package() {
	on dpkg --no-triggers -i /ccm.deb >install.log 2>&1 && return
	echo "Bail out! the package cannot be installed"
	sed 's/^/# /' install.log
	exit 1
}

# ---- instances --------------------------------------------------------------

# configure NAME [VARIABLE=VALUE]...: an instance that the simulators serve; later
# settings win.
configure() {
	local file=$root/etc/ccm/$1.env
	shift
	rm -f "$file"
	(
		umask 077
		printf '%s\n' \
			"CONFLUENT_METRICS_HOST=$CONFLUENT_METRICS_HOST" \
			"CONFLUENT_METRICS_API_KEY=KEY" \
			"CONFLUENT_METRICS_API_SECRET=s3cret-api" \
			"CONFLUENT_METRICS_CLUSTER_ID_LIST=$CONFLUENT_METRICS_CLUSTER_ID_LIST" \
			"CONFLUENT_METRICS_REQUESTS_PER_MINUTE=100000" \
			"KAFKA_BOOTSTRAP_SERVERS=$KAFKA_BOOTSTRAP_SERVERS" \
			"CCM_NOW=$CCM_NOW" "$@" >"$file"
	)
}

# set_clock NAME HH[:MM]: that of the instance, and of the API
set_clock() {
	at "$2"
	sed -i "s/^CCM_NOW=.*/CCM_NOW=$CCM_NOW/" "$root/etc/ccm/$1.env"
}

# drop_in UNIT LINE...: as `systemctl edit`
drop_in() {
	local directory=$root/etc/systemd/system/$1.d
	mkdir -p "$directory"
	shift
	printf '%s\n' "$@" >"$directory/test.conf"
}

# property UNIT NAME
property() { on systemctl show --timestamp=utc -P "$2" "$1"; }

# runs UNIT: it has processes, or is about to
runs() {
	case $(property "$1" SubState) in
	dead | failed | auto-restart) return 1 ;;
	esac
}

# journal [OPTION]...
journal() { on journalctl --no-pager -q -o cat "$@"; }

# processes UNIT: the pids of all, as we see them
processes() { cat "$cgroup"/system.slice/{,*/}"$1"/cgroup.procs 2>/dev/null || :; }

# state NAME: its directory, as we see it
state() { echo "$root/var/lib/ccm/$1"; }

# in_spool NAME: the files that wait there
in_spool() { find "$(state "$1")/spool" -type f ! -name '.*' -printf '%P\n' | sort; }

# sent NAME: no run is going on, and nothing waits
sent() { ! runs "ccm-scrape@$1.service" && [ -z "$(in_spool "$1")" ]; }
