#!/usr/bin/env bash
# The timer generator, the units, and the environment file that describes an
# instance. Nothing here needs a systemd that runs.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

generator=$B/systemd/ccm-timer-generator
export CCM_CONFIG_DIRECTORY=$WORK/etc
unset SYSTEMD_SCOPE
umask 022

# generate: as systemd runs it, in empty directories
generate() {
	rm -rf normal early late
	mkdir normal early late
	run "$generator" "$WORK/normal" "$WORK/early" "$WORK/late"
}

# config [NAME TEXT]...: environment files, these and no others
config() {
	rm -rf etc
	mkdir etc
	while (($# > 0)); do
		printf '%b' "$2" >"etc/$1.env"
		shift 2
	done
}

timers() { (cd normal && find . -maxdepth 1 -name '*.timer' | sort | sed 's|^\./||' | paste -sd' '); }

# gives MINUTE TEXT NAME: the minute of the timer for that environment file
gives() {
	config prod "$2"
	generate
	is "$status:$(<err):$(grep ^OnCalendar normal/ccm-scrape@prod.timer)" \
		"0::OnCalendar=*:$1:00 UTC" "$3"
}

# refuses LINE VALUE TEXT NAME
refuses() {
	config prod "$3"
	generate
	is "$status:$(timers):$(<err)" "78::ccm-timer-generator: $WORK/etc/prod.env:$1: no timer:\
 MINUTE_TO_SCRAPE_AT is \"$2\"; it takes a number from 5 to 59" "$4"
}

# ---- a timer

config prod 'MINUTE_TO_SCRAPE_AT=17\n'
generate
is "$status:$(<out):$(<err)" 0:: 'it makes a timer, and says nothing'
is "$(sed '/^$/d' normal/ccm-scrape@prod.timer)" "# Made by ccm-timer-generator from $WORK/etc/prod.env.
[Unit]
Description=Confluent Cloud metrics of prod: each hour
Documentation=man:ccm.env(5) man:ccm-scrape(1)
SourcePath=$WORK/etc/prod.env
Wants=ccm-ship@prod.service
[Timer]
OnCalendar=*:17:00 UTC
Persistent=true
RandomizedDelaySec=2min
FixedRandomDelay=true
AccuracySec=1s" 'the timer fires at that minute of the UTC hour, and wants the shipper'
is "$(readlink normal/timers.target.wants/ccm-scrape@prod.timer)" \
	../ccm-scrape@prod.timer 'timers.target wants it'
[ -s normal/timers.target.wants/ccm-scrape@prod.timer ]
ok $? '... by a link that leads there'
is "$(find early late -mindepth 1)" '' 'nothing is made elsewhere'
config prod 'MINUTE_TO_SCRAPE_AT=17\nCCM_EXPORT_TO="stdout kafka"\n' dev 'CCM_EXPORT_TO=\n' file 'CCM_EXPORT_TO_FILE=/x\n'
generate
is "$(timers)" 'ccm-export@file.timer ccm-export@prod.timer ccm-scrape@dev.timer ccm-scrape@file.timer ccm-scrape@prod.timer' \
	'an instance that exports has a timer for that'
is "$(sed '/^$/d' normal/ccm-export@prod.timer)" "# Made by ccm-timer-generator from $WORK/etc/prod.env.
[Unit]
Description=Confluent Cloud metrics of prod: each minute
Documentation=man:ccm.env(5) man:ccm-export(1)
SourcePath=$WORK/etc/prod.env
[Timer]
OnCalendar=minutely
RandomizedDelaySec=30s
FixedRandomDelay=true
AccuracySec=1s" '... each minute, at the same second'
config prod 'MINUTE_TO_SCRAPE_AT=17\n' dev '' a.b_c-1 'MINUTE_TO_SCRAPE_AT=59\n'
generate
is "$(timers)" 'ccm-scrape@a.b_c-1.timer ccm-scrape@dev.timer ccm-scrape@prod.timer' \
	'each environment file makes one'
touch etc/.prod.env.swp etc/.env etc/prod.env~ etc/prod.env.bak etc/notes
generate
is "$status:$(timers | wc -w)" 0:3 'other files make none'
config ingest 'MINUTE_TO_SCRAPE_AT=x\nCCM_EXPORT_TO=stdout\n'
generate
is "$status:$(timers):$(<err)" 0:: 'the settings of the ingestion service make none'
rm -rf etc
generate
is "$status:$(<err):$(timers)" 0:: 'no configuration directory is no error'
mkdir etc
generate
is "$status:$(<err):$(timers)" 0:: 'nor is an empty one'
run "$generator"
is "$status" 64 'without a directory it says how it is used'
config prod ''
run "$generator" "$WORK/absent"
like "$status:$(<err)" "^78:.*prod.env: no timer: cannot write to $WORK/absent: No such" \
	'a directory that cannot be written to is told'

# ---- the environment file, as systemd reads it

gives 05 '' 'the default is five minutes past'
gives 05 'OTHER=1\n#MINUTE_TO_SCRAPE_AT=17\n;MINUTE_TO_SCRAPE_AT=18\n' 'a comment is none'
gives 59 'MINUTE_TO_SCRAPE_AT=59' 'the last newline may be missing'
gives 09 'MINUTE_TO_SCRAPE_AT=09\n' 'a zero in front is no octal number'
gives 17 'MINUTE_TO_SCRAPE_AT=017\n' '... nor are three digits'
gives 18 'MINUTE_TO_SCRAPE_AT=17\nMINUTE_TO_SCRAPE_AT=18\n' 'the last one counts'
gives 18 'MINUTE_TO_SCRAPE_AT=x\nMINUTE_TO_SCRAPE_AT=18\n' '... whatever the others were'
gives 17 'MINUTE_TO_SCRAPE_AT="17"\n' 'double quotes'
gives 17 "MINUTE_TO_SCRAPE_AT='17'\n" 'single quotes'
gives 17 "MINUTE_TO_SCRAPE_AT=\"1\"'7'\n" 'quotes side by side'
gives 17 'MINUTE_TO_SCRAPE_AT="17' 'a quote that nobody closes'
gives 17 ' \tMINUTE_TO_SCRAPE_AT =  17 \t \n' 'blanks around name and value'
gives 17 'MINUTE_TO_SCRAPE_AT=17\r\n' 'a carriage return at the end'
gives 17 'MINUTE_TO_SCRAPE_AT=1\\\n7\n' 'a continued line'
gives 17 'MINUTE_TO_SCRAPE_AT="1\\\n7"\n' '... in quotes'
gives 17 'MINUTE_TO_SCRAPE_AT=\\17\n' 'an escaped digit'
gives 05 '# a comment \\\nMINUTE_TO_SCRAPE_AT=17\n' 'a continued comment hides the next line'
gives 05 'X="\nMINUTE_TO_SCRAPE_AT=17\n"\n' 'a line within quotes is no assignment'
gives 05 'XMINUTE_TO_SCRAPE_AT=17\nMINUTE_TO_SCRAPE_ATX=18\n' 'other names are others'
gives 05 'export MINUTE_TO_SCRAPE_AT=17\n' 'export makes it another name'
gives 05 'MINUTE_TO_SCRAPE_AT\n=17\n' 'a name without a value is none'
gives 17 'X=it\047s "\nMINUTE_TO_SCRAPE_AT=17\n' 'quotes within a value are characters'

# ---- values that make no timer

for value in x 4 60 0 -5 +17 5.5 0x10 100 0017 '17 min' 99999999999999999999; do
	refuses 2 "$value" "OTHER=1\nMINUTE_TO_SCRAPE_AT=$value\n" \
		"\"$value\" makes no timer, and file and line are told"
done
refuses 1 '' 'MINUTE_TO_SCRAPE_AT=\n' 'no value'
refuses 1 '' 'MINUTE_TO_SCRAPE_AT=""\n' 'empty quotes'
refuses 1 '' "MINUTE_TO_SCRAPE_AT=''\n" '... of the other kind'
refuses 1 '"17"' "MINUTE_TO_SCRAPE_AT='\"17\"'\n" 'quotes in quotes'
refuses 1 '17 # late' 'MINUTE_TO_SCRAPE_AT=17 # late\n' \
	'a comment behind a value is part of it'
refuses 4 x 'MINUTE_TO_SCRAPE_AT=17\nX="a\nb"\nMINUTE_TO_SCRAPE_AT=x\n' \
	'lines are counted through quotes'
refuses 1 '17?' 'MINUTE_TO_SCRAPE_AT="17\n' 'a quote that nobody closes has the newline in it'
refuses 1 '1?7' 'MINUTE_TO_SCRAPE_AT="1\n7"\n' 'a newline in the value is shown as "?"'

config bad 'MINUTE_TO_SCRAPE_AT=x\n' prod 'MINUTE_TO_SCRAPE_AT=17\n'
generate
is "$(timers)" ccm-scrape@prod.timer 'a bad one does not stop the others'
config 'a b' '' a@b '' a:b '' 'a\b' '' $'a\nb' '' $'caf\303\251' '' \
	"$(printf '%0201d' 1)" ''
generate
is "$status:$(timers):$(grep -c 'is not a name for an instance; that is 1 to 200 of A-Z' err)" \
	78::7 'names that cannot be an instance make none, and each is told'
is "$(wc -l <err)" 7 '... in a line'
config "$(printf '%0200d' 1)" ''
generate
is "$status:$(timers | wc -w)" 0:1 'a name of 200 bytes makes one'
config nul 'MINUTE_TO_SCRAPE_AT=17\0\n'
mkdir etc/dir.env
mkfifo etc/fifo.env
ln -s absent etc/link.env
generate
is "$status:$(timers)" 78: 'what systemd cannot read makes none'
is "$(sed 's/.*\/etc\///' err)" 'dir.env: no timer: it is not a regular file
fifo.env: no timer: it is not a regular file
link.env: no timer: No such file or directory
nul.env: no timer: it has a NUL byte, which systemd refuses' '... and each is told'
config prod 'MINUTE_TO_SCRAPE_AT=17\n'
mv etc/prod.env elsewhere
ln -s ../elsewhere etc/prod.env
generate
is "$(timers)" ccm-scrape@prod.timer 'a link to an environment file makes one'

# ---- under systemd it tells the journal (in a mount namespace of its own)

if unshare -rm true 2>/dev/null; then
	config bad 'MINUTE_TO_SCRAPE_AT=x\n'
	# shellcheck disable=SC2016 # for perl
	run unshare -rm perl -MSocket -e '
		system("mount", "-t", "tmpfs", "tmpfs", "/run") and die;
		mkdir "/run/systemd"; mkdir "/run/systemd/journal";
		socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
		bind($s, pack_sockaddr_un("/run/systemd/journal/socket")) or die;
		$ENV{SYSTEMD_SCOPE} = "system";
		system(@ARGV);
		alarm 10;
		recv($s, my $entry, 65536, 0);
		print $entry' "$generator" "$WORK/normal"
	is "$(<out):$(<err)" "MESSAGE=$WORK/etc/bad.env:1: no timer: MINUTE_TO_SCRAPE_AT is \"x\"; it takes a number from 5 to 59
PRIORITY=3
SYSLOG_IDENTIFIER=ccm-timer-generator
OBJECT_SYSTEMD_UNIT=ccm-scrape@bad.timer:" \
		'under systemd it tells the journal, as an error of the timer that is missing'
else
	skip 'the journal' 'unshare is not allowed here'
fi

# ---- the example of an environment file

example=$ROOT/systemd/ccm.env.example
sed -n '/^\.Ss Variables/,/^\.Ss Units/p; /^\.Ss Limits/,/^\.Ss The gen/p' "$ROOT/systemd/ccm.env.5" |
	grep -E '^(\.It )?Ev ' | grep -oE '[A-Z]+_[A-Z_]+' | sort -u >variables
missing=
while read -r name; do
	grep -qE "^#?$name=" "$example" || missing+=" $name"
done <variables
is "$missing" '' 'the example has every variable of ccm.env(5)'
ok $(($(wc -l <variables) < 30)) "... $(wc -l <variables) of them"
is "$(grep -vE '^(#.*|[A-Z_]+=[^ ]*)?$' "$example")" '' \
	'it has nothing but comments and assignments'
config
cp "$example" etc/example.env
generate
is "$status:$(grep ^OnCalendar normal/*.timer)" '0:OnCalendar=*:05:00 UTC' 'it makes a timer'
mapfile -t given < <(grep -E '^[A-Z]' "$example")
run env "${given[@]}" CONFLUENT_METRICS_API_SECRET=SECRET ccm-scrape -n
is "$status:$(<err)" 0: 'with a secret, ccm-scrape takes it as it is'

# ---- secrets: each unit has its own and takes the other's away

cloud='CONFLUENT_METRICS_API_KEY CONFLUENT_METRICS_API_SECRET CONFLUENT_METRICS_TOKEN'
kafka=$({ echo KAFKA_SETTINGS && sed -n '/ secrets\[\] = /,/;/p' "$ROOT/lib/kafka-settings.c" |
	grep -o 'KAFKA_[A-Z_]*'; } | sort | paste -sd' ')
like "$kafka" 'KAFKA_SASL_PASSWORD .*KAFKA_SSL_PASSWORD' "Kafka's secrets are those of lib/kafka-settings.c"
in_unit() { sed -n "$2" "$ROOT/systemd/$1" | tr ' ' '\n' | sort | paste -sd' '; }
loaded() { in_unit "$1" 's/^LoadCredential=\([A-Z_0-9]*\):ccm\.%i\.\1$/\1/p'; }
encrypted() { in_unit "$1" 's/^LoadCredentialEncrypted=\([A-Z_0-9]*\).cred:ccm\.%i\.\1\.cred$/\1/p'; }
of_ingest() { in_unit "$1" 's/^LoadCredential=\([A-Z_0-9]*\):ccm\.ingest\.\1$/\1/p'; }
ingest_encrypted() { in_unit "$1" 's/^LoadCredentialEncrypted=\([A-Z_0-9]*\).cred:ccm\.ingest\.\1\.cred$/\1/p'; }
taken_away() { in_unit "$1" 's/^UnsetEnvironment=\([CKS].*\)/\1/p'; }
and_files() { tr ' ' '\n' <<<"$1" | sed 'p; s/$/_FILE/' | sort | paste -sd' '; }
is "$(loaded ccm-scrape@.service)" "$cloud" "ccm-scrape@ loads the API's secrets"
is "$(encrypted ccm-scrape@.service)" "$cloud" '... and encrypted ones'
export=$(echo CCM_EXPORT_TO CCM_EXPORT_TOKEN_{1..9})
is "$(taken_away ccm-scrape@.service)" "$(and_files "$export $kafka")" "... and takes all of Kafka's and of the exporter's away"
is "$(loaded ccm-ship@.service)" "$kafka" "ccm-ship@ loads Kafka's secrets"
is "$(encrypted ccm-ship@.service)" "$kafka" '... and encrypted ones'
is "$(taken_away ccm-ship@.service)" "$(and_files "$export $cloud")" "... and takes all of the API's and of the exporter's away"
is "$(loaded ccm-export@.service)" "$export $cloud $kafka" "ccm-export@ loads those of its targets"
is "$(encrypted ccm-export@.service)" "$export $cloud $kafka" '... and encrypted ones'

# ---- the ingestion service

registry=$(grep -o '"SCHEMA_REGISTRY_[A-Z_]*\(USER_INFO\|TOKEN\)"' "$ROOT/tools/ccm-avro/registry.c" |
	tr -d '"' | sort -u | paste -sd' ')
is "$registry" 'SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO SCHEMA_REGISTRY_BEARER_TOKEN' \
	"the registry's secrets are those of ccm-avro"
for unit in ccm-ingest-ship.service ccm-ingest-consume.service; do
	is "$(of_ingest $unit)" "$kafka $registry" "$unit loads Kafka's secrets and the registry's"
	is "$(ingest_encrypted $unit)" "$kafka $registry" '... and encrypted ones'
done
is "$(taken_away ccm-ingestd.service)" "$(and_files "$kafka $registry")" 'ccm-ingestd has all of them taken away'
is "$(in_unit ccm-ingestd.service '/^Load/p')" '' '... and loads none'
is "$(in_unit ccm-serve@.service '/^Load/p; /^EnvironmentFile/p')" '' 'ccm-serve@ gets no settings at all'
run grep -x 'Environment=CCM_APP_LABEL=1' "$ROOT/systemd/ccm-ingestd.service"
is "$status" 0 "series have their app's label, where the file says nothing"
in_target=$(sed -n 's/^Wants=//p' "$ROOT/systemd/ccm-ingest.target" | tr ' ' '\n' | sort | paste -sd' ')
is "$in_target" "$(cd "$ROOT/systemd" && grep -l '^PartOf=ccm-ingest.target' -- ccm* | sort | paste -sd' ')" \
	'what the target wants is stopped with it'
