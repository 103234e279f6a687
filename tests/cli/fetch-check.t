#!/usr/bin/env bash
# ccm-fetch check: what a run would refuse, it refuses, and sends nothing.
. "$(dirname "$0")/../tap.sh"

export CONFLUENT_METRICS_HOST=https://api.example CONFLUENT_METRICS_API_KEY=KEY \
	CONFLUENT_METRICS_API_SECRET=s3cret-api STATE_DIRECTORY=$WORK/state
unset CCM_RATE_DIR
setting() { sed -n "s/^$1=//p" out; }

run ccm-fetch check
is "$status $(cat err)" "0 " "good settings: exit 0, and nothing is said"
is "$(setting CONFLUENT_METRICS_HOST) $(setting CONFLUENT_METRICS_API_KEY) $(setting CONFLUENT_METRICS_REQUESTS_PER_MINUTE) $(setting CONFLUENT_METRICS_TIMEOUT)" \
	"https://api.example KEY 50 30" "what is in force is printed, NAME=VALUE"
is "$(setting CONFLUENT_METRICS_API_SECRET) $(grep -c s3cret out)" "******** 0" "... and the secret masked"
is "$(find . -path ./state)" "" "... and no directory is made"
run env CONFLUENT_METRICS_HOST=API.example.:443/ https_proxy=http://user:hidden@proxy.example:3128 ccm-fetch check
is "$status $(setting https_proxy) $(grep -c hidden out)" "0 ********@proxy.example:3128 0" \
	"a proxy's password is masked"
run env -u CONFLUENT_METRICS_API_KEY -u CONFLUENT_METRICS_API_SECRET CONFLUENT_METRICS_TOKEN=t0ken ccm-fetch check
is "$status $(setting CONFLUENT_METRICS_TOKEN)" "0 ********" "a token instead of a key"
printf 'KEY\n' >key
run env CONFLUENT_METRICS_API_KEY= CONFLUENT_METRICS_API_KEY_FILE=key ccm-fetch check
is "$status $(setting CONFLUENT_METRICS_API_KEY)" "0 KEY" "a key from a file, with a newline at its end"
run ccm-fetch check extra
is "$status" 64 "check takes no argument: exit 64"
ccm-fetch check >/dev/full 2>err
is "$?" 74 "a full disk: exit 74"

refused() { # NAME MESSAGE VARIABLE=VALUE...
	local name=$1 message=$2
	shift 2
	run env "$@" ccm-fetch check
	is "$status $(wc -c <out) $(wc -l <err) $(grep -cF "ccm-fetch: ERROR: $message" err)" "78 0 1 1" "$name"
}
mkdir no-file
touch empty
printf 'KEY\n\n' >two-newlines
printf '\xef\xbb\xbfKEY\n' >mark
K=CONFLUENT_METRICS_API_KEY S=CONFLUENT_METRICS_API_SECRET H=CONFLUENT_METRICS_HOST
refused "a key with a colon" "$K has a \":\" in it" $K=a:b
refused "a key in quotes" "$K has quotes around its value" "$K='KEY'"
refused "a secret in quotes" "$S has quotes around its value" "$S=\"s3cret-api\""
refused "a key that nothing has expanded" "$K has \"\${...}\" in it" "$K=\${KEY}"
refused "a secret with a newline at its end" "$S has a newline at its end" $S=$'s3cret\n'
refused "a secret with a newline in it" "$S has a control character in it: a newline" $S=$'s3\ncret'
refused "a secret with a blank" "$S has a blank in it" "$S=s3 cret"
refused "a file with two newlines at its end" "$K has a newline at its end" $K= ${K}_FILE=two-newlines
refused "a file with a byte order mark" "$K begins with a byte order mark" $K= ${K}_FILE=mark
refused "a file that is empty" "${K}_FILE: empty is empty" $K= ${K}_FILE=empty
refused "a file that is not there" "${K}_FILE: cannot read nope" $K= ${K}_FILE=nope
refused "a key and its file" "$K and ${K}_FILE are both given" ${K}_FILE=key
refused "no credentials" "no credentials" $K= $S=
refused "a key without its secret" "$S is not set" $S=
refused "a token beside the key" "CONFLUENT_METRICS_TOKEN and $K are both given" CONFLUENT_METRICS_TOKEN=t
refused "a time that is no number" 'CONFLUENT_METRICS_TIMEOUT is "x"' CONFLUENT_METRICS_TIMEOUT=x
refused "a number with an exponent" 'CONFLUENT_METRICS_REQUESTS_PER_MINUTE is "5e1"' CONFLUENT_METRICS_REQUESTS_PER_MINUTE=5e1
refused "plain http to another machine" "$H is \"http://api.example\": plain http" $H=http://api.example
refused "a file as the API" "$H is not an https URL" $H=file:///etc/passwd
refused "another scheme" "$H is not an https URL" $H=ftp://api.example
refused "a host with a blank" "$H is not a URL" "$H=https://api example"
refused "a host with a password, which is not shown" "$H has a user name or a password in it; " $H=https://a:b@api.example
refused "a host with a query" "$H has a query" $H=https://api.example/?a
refused "INSECURE=yes" 'CONFLUENT_METRICS_INSECURE is "yes"' CONFLUENT_METRICS_INSECURE=yes
refused "certificates that are not there" "CONFLUENT_METRICS_CAFILE: cannot read nope" CONFLUENT_METRICS_CAFILE=nope
refused "a directory of certificates" "CONFLUENT_METRICS_CAFILE: no-file is not a file" CONFLUENT_METRICS_CAFILE=no-file
refused "a file without a certificate" "CONFLUENT_METRICS_CAFILE: key holds no certificate" CONFLUENT_METRICS_CAFILE=key
refused "a file as CCM_RATE_DIR" "CCM_RATE_DIR: cannot use key: Not a directory" CCM_RATE_DIR=key
refused "a CCM_RATE_DIR below a file" "CCM_RATE_DIR: cannot use key/a/b: Not a directory" CCM_RATE_DIR=key/a/b
refused "a proxy that is no URL" 'https_proxy is "gopher://proxy.example"' https_proxy=gopher://proxy.example
refused "TMPDIR that is not there" "TMPDIR: cannot use nope: No such file" TMPDIR=nope
if [ "$(id -u)" = 0 ]; then
	chmod 600 key
	chmod 755 .
	run as_nobody env CONFLUENT_METRICS_CAFILE=key CCM_RATE_DIR="$WORK/no-file" ccm-fetch check
	is "$status $(grep -cF 'cannot read key: Permission denied' err) $(grep -cF "cannot use $WORK/no-file: Permission denied" err)" "78 1 1" \
		"files and directories that the user may not use"
fi

run env $K=a:b CONFLUENT_METRICS_TIMEOUT=x CONFLUENT_METRICS_REQUESTS_PER_MINUTE=5e1 $H=http://api.example \
	CONFLUENT_METRICS_CAFILE=nope CCM_RATE_DIR=empty ccm-fetch check
is "$status $(wc -l <err) $(grep -c 'ccm-fetch: ERROR: ' err)" "78 6 6" "all problems are reported at once, a line each"
run env $K=a:b CONFLUENT_METRICS_TIMEOUT=x ccm-fetch query -m m -r kafka.id=lkc-1
is "$status $(wc -l <err) $(wc -c <out)" "78 2 0" "... by a run too, before it does anything"
