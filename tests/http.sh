# shellcheck shell=bash
# An HTTP client in bash, for tests that look at the simulated Metrics API
# itself: no more is needed than a request, and all of what comes back.

# Where to: http://127.0.0.1:PORT.
url=
# What is sent; an empty one is left out.
authorization='Basic U0lNS0VZOlNJTVNFQ1JFVA==' # SIMKEY:SIMSECRET
content_type=application/json

# http METHOD PATH [BODY]: the answer's status is in $code (empty where none
# came), its header fields in $headers, a line each, and its body in $body.
# shellcheck disable=SC2034 # for the caller
http() {
	local LC_ALL=C address=${url#*://} data=${3-} http_fd line
	code='' headers='' body=''
	exec {http_fd}<>"/dev/tcp/${address%:*}/${address##*:}" || return 1
	# Written aside: a request that is reset would end the caller by SIGPIPE.
	(
		printf '%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n' \
			"$1" "$2" "$address"
		[ -z "$authorization" ] || printf 'Authorization: %s\r\n' "$authorization"
		[ -z "$content_type" ] || printf 'Content-Type: %s\r\n' "$content_type"
		printf 'User-Agent: http.sh\r\nContent-Length: %d\r\n\r\n%s' \
			"${#data}" "$data"
	) >&"$http_fd"
	if IFS=' ' read -r _ code _ <&"$http_fd" 2>/dev/null; then
		while IFS= read -r line <&"$http_fd" && [ "$line" != $'\r' ]; do
			headers+=${line%$'\r'}$'\n'
		done
		body=$(cat <&"$http_fd" 2>/dev/null)
	fi
	exec {http_fd}>&-
}
