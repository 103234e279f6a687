# status-values.jq - what status.jq and status-show.jq share: times, sizes, texts.

# "2025-09-02T14:05:00Z" -> seconds; null where it is not a time
def epoch: [try fromdate catch null][0];
# The years 1970 to 9999: jq 1.6 aborts where the C library has no such time.
def iso: if . == null or . < 0 or . >= 253402300800 then null else todate end;
# "2025-09-02T14Z.2" -> its begin
def hour_epoch: capture("^(?<h>\\d{4}-\\d\\d-\\d\\dT\\d\\d)Z(\\.|$)") // null
	| if . == null then null else "\(.h):00:00Z" | epoch end;
def hour_name: if . == null then null else todate | .[:13] + "Z" end;

def plural($n; $word): "\($n) \($word)" + if $n == 1 then "" else "s" end;

def two: tostring | if length < 2 then "0" + . else . end;
def duration:
	if . < 0 then "0s"
	elif . < 120 then "\(floor)s"
	elif . < 7200 then "\(. / 60 | floor)m"
	elif . < 172800 then "\(. / 3600 | floor)h\(. % 3600 / 60 | floor | two)"
	else "\(. / 86400 | floor)d\(. % 86400 / 3600 | floor | two)h" end;

def bytes:
	if . < 1024 then "\(.)"
	elif . < 1048576 then "\(. / 102.4 | floor | . / 10)K"
	elif . < 1073741824 then "\(. / 104857.6 | floor | . / 10)M"
	else "\(. / 107374182.4 | floor | . / 10)G" end;

# What comes from files is shown on terminals.
def printable: gsub("[\\x00-\\x1f\\x7f-\\x9f]"; "?");

# Of severities.
def rank: {ok: 0, warning: 1, unknown: 2, critical: 3}[.];
def worst: max_by(rank) // "ok";
