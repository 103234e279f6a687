#!/usr/bin/env bash
# The image of make image: what it has in it, that it is built the same twice, and
# that the docker line and the Kubernetes manifest of README.md run in it: its
# root directory is unpacked, and a chroot stands for the container.
# shellcheck disable=SC2016 # programs in single quotes are for another shell
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"
[ "$(id -u)" = 0 ] || skip_all_because "it takes root to change the root directory"
unshare --mount true 2>/dev/null || skip_all_because "there are no mount namespaces here"
[ -r "${IMAGE-}" ] || { echo "Bail out! make check-image builds the image and names it in IMAGE" && exit 1; }

# ---- the archive

mkdir layout root
tar -xf "$IMAGE" -C layout
chmod 755 . root
blob() { echo "layout/blobs/${1/://}"; }
is "$(cd layout/blobs/sha256 && sha256sum -- * | awk '$1 != $2')" '' 'each blob has its digest as its name'
manifest=$(blob "$(jq -r '.manifests[0].digest' layout/index.json)")
config=$(blob "$(jq -r .config.digest "$manifest")")
layer=$(blob "$(jq -r '.layers[0].digest' "$manifest")")
is "$(jq -c '[.config.size, .layers[0].size]' "$manifest")" "[$(stat -c %s "$config"),$(stat -c %s "$layer")]" \
	"the manifest has the sizes of configuration and layer"
is "$(jq -r '.manifests[0].size' layout/index.json)" "$(stat -c %s "$manifest")" '... and the index that of the manifest'
is "$(jq -r '.rootfs.diff_ids[0]' "$config")" "sha256:$(gzip -dc "$layer" | sha256sum | cut -d' ' -f 1)" \
	'the configuration has the digest of the layer unpacked'
is "$(jq -r '.[0] | .Config, .Layers[]' layout/manifest.json | sed 's|^|layout/|' | paste -sd' ')" "$config $layer" \
	"docker's manifest.json names the same blobs"
is "$(jq -c '.config | [.Cmd, .User, (.Volumes | keys)]' "$config")" '[["ccm-scrape","-l"],"10001:10001",["/state"]]' \
	'its command is ccm-scrape -l, of a user who is not root'

tar -xzf "$layer" -C root
is "$(chroot root dpkg-query -W -f '${Package} ${Version}\n')" "$(<root/usr/share/ccm/packages)" \
	'the list in it has each package and its version'
like "$(<root/usr/share/ccm/packages)" $'(^|\n)ccm [0-9.]+\n' '... and ccm is one'
is "$(find root -xdev -type f -perm /6000)" '' 'no file is set-user-ID'
is "$(find root/state -printf '%U %m')" '10001 700' 'the volume belongs to its user'

# ---- a container

start_kafka -b 1
start_cloud -c 3
mkdir -p volumes
cat >settings <<END
CONFLUENT_METRICS_API_KEY="KEY"
CONFLUENT_METRICS_API_SECRET='s3cret-api'
CONFLUENT_METRICS_HOST=$CONFLUENT_METRICS_HOST
CONFLUENT_METRICS_CLUSTER_ID_LIST=lkc-0001,lkc-0002,lkc-0003
KAFKA_BOOTSTRAP_SERVERS=$KAFKA_BOOTSTRAP_SERVERS
CCM_NOW=$CCM_NOW
END
mkdir etc
install -o 10001 -m 400 settings etc/ccm.env
mapfile -t image_environment < <(jq -r '.config.Env[]' "$config")
mapfile -t image_command < <(jq -r '.config.Cmd[]' "$config")
user=$(jq -r .config.User "$config")

# inside MOUNTS [NAME=VALUE]... COMMAND...: as the image's user in its root
# directory, which is read-only, with nothing else in the environment. MOUNTS are
# lines "SOURCE TARGET". It becomes the command: its pid is the container's.
cat >inside <<'END'
#!/bin/bash
[ -n "${OWN_MOUNTS-}" ] || OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"
set -e
cd "$WORK" && mount --bind root root && mount -o remount,bind,ro root
mount -t tmpfs tmpfs root/tmp && mount -t proc proc root/proc && mount -t tmpfs tmpfs root/dev
touch root/dev/null && mount --bind /dev/null root/dev/null
ln -s /proc/self/fd root/dev/fd
for i in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${i%:*}" "root/dev/${i#*:}"; done
while read -r source target; do mount --bind "$source" "root$target"; done <<<"$1"
shift
exec chroot --userspec="$user" root env -i "$@"
END
chmod +x inside
export WORK user
touch root/etc/ccm.env # docker makes what is mounted upon

is "$(sed -n 's/^make image && docker load -i //p' "$ROOT/README.md")" "build/${IMAGE##*/}" \
	'README.md loads the file that make image writes'
line=$(sed -n 's/^docker run -d //p' "$ROOT/README.md")
eval "words=($line)"
environment=("${image_environment[@]}" "CCM_NOW=$CCM_NOW") mounts='' health=
while [[ ${words[0]} = -* ]]; do
	case ${words[0]} in
	-v) IFS=: read -r source target _ <<<"${words[1]}"
		[[ $source = /* ]] || { source=/volumes/$source && install -d -o 10001 -m 700 "$WORK$source"; }
		mounts+=${mounts:+$'\n'}"$WORK$source $target" ;;
	-e) environment+=("${words[1]}") ;;
	--health-cmd) health=${words[1]} ;;
	*) echo "# an option of docker that this test does not know: ${words[0]}" ;;
	esac
	words=("${words[@]:2}")
done
is "${words[0]}" "$(jq -r '.[0].RepoTags[0]' layout/manifest.json)" 'the docker line of README.md has the name of the image'
words=("${words[@]:1}")
run ./inside "$mounts" "${environment[@]}" sh -c "$health"
is "$status" 3 "... its health command: nothing has run yet"
start ./inside "$mounts" "${environment[@]}" "${words[@]}" >out 2>err
container=$pid
until_true 60 [ -d volumes/ccm/hours/2025-09-02T00Z ]
ok $? "... it does an hour: ${words[*]}"
until_true 60 grep -q 'records to confluent-metrics' err
is "$(on_topic | wc -l)" 39 '... sends it'
is "$(stat -c %u volumes/ccm/hours)" 10001 '... as its user'
run ./inside "$mounts" "${environment[@]}" sh -c "$health"
is "$status" 0 '... then it is healthy'
kill -0 "$container"
ok $? '... stays'
kill "$container"
wait "$container"
is "$?" 0 '... and ends on SIGTERM'

# ---- a pod

yaml() { sed -n '/^```yaml/,/^```$/p' "$ROOT/README.md"; }
is "$(yaml | sed -n 's/.*runAsUser: \([0-9]*\), fsGroup: \1, runAsNonRoot: true.*/\1:\1/p')" "$user" \
	"the manifest of README.md has the image's user"
is "$(yaml | sed -n 's/.* image: //p')" "$(jq -r '.[0].RepoTags[0]' layout/manifest.json)" '... and its name'
is "$(yaml | grep -c liveness)" 0 '... and no liveness probe'
mount=$(yaml | sed -n 's/.*mountPath: \([^}]*\)}.*/\1/p')
mapfile -t probes < <(yaml | sed -n 's/.*Probe: {exec: {command: \[\([^]]*\)\].*/\1/p' | sed 's/, / /g')
is "${#probes[@]}" 2 '... but one for its start and its readiness'
install -d -o 10001 -m 700 volumes/pod
forget_topic
# A secret's keys are variables, as they are; no command: the image's.
mapfile -t variables < <(tr -d "\"'" <settings)
environment=("${image_environment[@]}" "${variables[@]}")
start ./inside "$WORK/volumes/pod $mount" "${environment[@]}" "${image_command[@]}" >out 2>err
container=$pid
until_true 60 grep -q 'records to confluent-metrics' err
is "$(on_topic | wc -l)" 39 'as a pod it does an hour'
for probe in "${probes[@]}"; do
	# shellcheck disable=SC2086 # words of a command
	run ./inside "$WORK/volumes/pod $mount" "${environment[@]}" $probe
	is "$status" 0 "... and its probe succeeds: $probe"
done
kill "$container"
wait "$container"
is "$?" 0 '... and it ends on SIGTERM'

# ---- again

"$ROOT/systemd/make-image" "$DEB" again.tar >make.out 2>&1
cmp "$IMAGE" again.tar >"diff"
ok $? 'built again, it is the same, byte for byte'
