#!/usr/bin/env bash
# Passwords as they come: each one opens the broker that has it, or is refused
# before anything is sent, by name and status 78. None becomes another one.
# shellcheck disable=SC2154,SC2030,SC2031 # status is tap.sh's, as are the others
# shellcheck disable=SC1003,SC2016 # they are meant
# shellcheck source=tests/kafka/broker.sh
. "$(dirname "$0")/broker.sh"

# ---- passwords --------------------------------------------------------------

passwords=()
for code in {32..126}; do
	printf -v c '\\x%x' "$code"
	printf -v c %b "$c"
	# At both ends, inside and doubled: whichever of them is lost on the way,
	# it is a password that the broker does not know then.
	case $c in
	' ') passwords+=('a b' 'a  b' 'a   :   =   b' ' a' 'a ' '  a  ' ' ') ;;
	*) passwords+=("$c${c}a${c}b$c${c}c$c") ;;
	esac
done
while IFS= read -r line; do passwords+=("$line"); done <<'END'
\:
\=
a\:b
a\=b
a\\:b
a\\=b
a\\\=b
:\
=\
\\
\\\\
a:\:b
a=\=b
\ :
\"
\'
\n
\t
\x41
\u0041
\012
#x
##
# x
a #x
a # x
;x
//x
/*x*/
!x
"x"
"x
x"
'x'
'x
''
""
=x
x=
a=b=c
sasl.username=alice
=,=,=
,=2C=3D
n,,n=x,r=y
%s%n%x
%41
$HOME
${HOME}
$(id)
`id`
$$
[x]
]x[
{"a":"b\\"}
{{x}}
~/x
-x
-F /dev/null
*
?
<x>
|x
&x
&amp;
x%
x\
none
null
NULL
true
********
0
grüße-日本-🎉
END
printf -v long 'x%.0s' {1..493}
passwords+=("$long#=:\\" "$long#=:\\x" "$long=b=c#" "$long####" "$long$long")
printf -v all '\\x%x' {33..92} 32 {93..126}
printf -v all %b "$all"
passwords+=("$all" "$all$all$all$all$all")
passwords+=("$(rev <<<"$all")")

# What kcat's file cannot carry (blanks at the ends, a backslash before : or =,
# more than 497 bytes), and what has quotes around it, and nothing else, is refused.
carried() {
	local LC_ALL=C
	[[ $1 != ' '* && $1 != *' ' && $1 != *'\'[:=]* ]] && ((${#1} <= 497)) &&
		! [[ ${#1} -ge 2 && ($1 = \"*\" || $1 = \'*\') ]]
}

# jaas TEXT: as it stands in quotes of a JAAS line in a file of properties
jaas() {
	local text=${1//'\'/'\\'}
	text=${text//'"'/'\"'}
	printf %s "${text//'\'/'\\'}"
}

plain_users="user_all=\"$(jaas "$all")\"
 user_quotes=\"$(jaas '"\"\\"=x')\" user_umlaut=\"gr\\u00fc\\u00dfe\""
plain_users=${plain_users//$'\n'/}

# ---- the users --------------------------------------------------------------

# Kafka's SCRAM has names of ASCII only, whoever the client is.
names=('a,b' 'a=b' '=' ',' 'a=2Cb' '=3D,=2C' 'n,,x=y' 'a b' '"q"' "'" 'a\b'
	'#a' '%s' '$HOME' 'CN=x,O=y')

# Each password has a user, and so has each name.
users=("${!passwords[@]}" "${names[@]}")
for name in "${names[@]}"; do passwords+=("pw of $name"); done
mechanisms=(SCRAM-SHA-256 SCRAM-SHA-512)

start_brokers 1
for i in "${!users[@]}"; do
	printf '%s\t%s\t%s\n' "${mechanisms[i % 2]}" "${users[i]}" "${passwords[i]}"
done | client passwords

# credentials MECHANISM USER PASSWORD, for what follows
credentials() {
	export KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT KAFKA_SASL_MECHANISM=$1
	export KAFKA_SASL_USERNAME=$2 KAFKA_SASL_PASSWORD=$3
	export KAFKA_BOOTSTRAP_SERVERS=$sasl_plaintext
}

# login I: that user logs in, as ccm-produce does it. Status 0, 78, or 1 where
# the broker does not let us in. What kcat says is in kcat.I: a broker that has
# just started may have it wait.
login() (
	credentials "${mechanisms[$1 % 2]}" "${users[$1]}" "${passwords[$1]}"
	"$SIM/show-settings" producer "login.$1" || exit
	mapfile -t args <"login.$1.args"
	kcat -F "login.$1.conf" "${args[@]}" -L -m 30 \
		</dev/null >/dev/null 2>"kcat.$1" || exit 1
)

# every N FIRST: each Nth of them, from FIRST; status and stderr are in status.I
# and err.I
every() (
	for ((i = $2; i < ${#users[@]}; i += $1)); do
		login "$i" 2>"err.$i"
		echo $? >"status.$i"
	done
)

make_topic passwords 1
logins=()
for first in 0 1 2; do
	every 3 $first &
	logins+=("$!")
done

# ---- PLAIN, and another password, meanwhile ---------------------------------

records 1 3 >three

# produces NAME: three records, as whoever is set
produced=0
produces() {
	run ccm-produce "$topic" <three
	is "$status $(grep -c '3 records to' err)" '0 1' "ccm-produce sends $1"
	((produced += 3))
}

credentials PLAIN all "$all"
produces 'with PLAIN and every printable character of ASCII in the password'
credentials PLAIN quotes '"\"\\"=x'
produces 'with PLAIN and quotes and backslashes'
credentials PLAIN umlaut 'grüße'
produces 'with PLAIN and what is not ASCII'
credentials PLAIN all "${all}x"
run ccm-produce "$topic" <three
is "$status" 77 'and is not let in with another password'

# ---- SCRAM ------------------------------------------------------------------

wait "${logins[@]}"
in=0
refused=0
: >wrong
for i in "${!users[@]}"; do
	if carried "${passwords[i]}"; then
		wanted='0 '
		((++in))
	else
		wanted='78 settings: ERROR: KAFKA_SASL_PASSWORD *'
		((++refused))
	fi
	# shellcheck disable=SC2053 # a pattern
	[[ "$(<"status.$i") $(<"err.$i")" = $wanted ]] ||
		printf '%.40s, %.60s: %s %s\n' "${users[i]}" "${passwords[i]}" \
			"$(<"status.$i")" "$(cat "err.$i" "kcat.$i" | tail -n 1)" >>wrong
done
is "$(<wrong)" '' \
	"of ${#users[@]} users with SCRAM $in are let in, the passwords of $refused are refused by name"
is "$(sed 's/.*KAFKA_SASL_PASSWORD //' err.* | sort | uniq -c | tr -s ' ')" \
	' 3 begins with a blank, which kcat would cut off
 1 ends with a blank, which kcat would cut off
 9 has a backslash before : or =, which kcat would cut out
 6 has quotes around its value; remove the quotes
 3 is too long: kcat takes 497 bytes here' '... with the reason, and nothing else is said'

# ---- ccm-produce itself -----------------------------------------------------

# the_one PASSWORD: as the user that has it
the_one() {
	for i in "${!passwords[@]}"; do
		[ "${passwords[i]}" != "$1" ] || break
	done
	credentials "${mechanisms[i % 2]}" "${users[i]}" "$1"
}

for password in "$all" '#x' "pw of '" 'x\' '=,=,=' 'pw of =3D,=2C'; do
	the_one "$password"
	produces "with SCRAM and the password $password"
done
the_one '{"a":"b\\"}'
printf '%s\n' "$KAFKA_SASL_PASSWORD" >file
KAFKA_SASL_PASSWORD='' KAFKA_SASL_PASSWORD_FILE=$PWD/file \
	produces 'with KAFKA_SASL_PASSWORD_FILE'
the_one "$all"
jq -n '{"broker.address.family": "v4",
	sasl_plain_username: $ENV.KAFKA_SASL_USERNAME,
	sasl_plain_password: $ENV.KAFKA_SASL_PASSWORD}' >settings.json
KAFKA_SASL_USERNAME='' KAFKA_SASL_PASSWORD='' KAFKA_SETTINGS='' \
	KAFKA_SETTINGS_FILE=settings.json produces 'with KAFKA_SETTINGS_FILE'
for password in ' a' 'a ' "''" 'a\:b' 'a\\=b' "$long$long"; do
	the_one "$password"
	run ccm-produce "$topic" <three
	like "$status $(<err)" '^78 ccm-produce: ERROR: KAFKA_SASL_PASSWORD [^'$'\n'']*$' \
		"ccm-produce refuses ${password:0:20}, and only that is said"
done

unset KAFKA_SECURITY_PROTOCOL
KAFKA_BOOTSTRAP_SERVERS=$plaintext
is "$(client count "$topic")" "$produced" \
	'on the topic are the records of those that were let in'
