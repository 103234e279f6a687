# Kafka's settings, as users of kafka-python write them, into the properties of
# librdkafka that kcat reads.
#
# jq -Rnr --arg side producer|consumer --arg transactional_id ID -f THIS
#
# Input, lines of text: first KAFKA_SETTINGS, one JSON object on one line; then
# each variable, as KAFKA_NAME=VALUE, or as KAFKA_NAME!FAULT where the value is
# not one line of UTF-8. Who calls has made sure of that.
#
# Output, lines:
#	set PROPERTY=VALUE      for kcat's configuration file
#	arg PROPERTY=VALUE      for kcat's -X: its file ignores this property
#	warn MESSAGE            something was left out or switched off
#	error MESSAGE           a setting is refused, by name; each is told
#
# No message holds a value that could be a secret: only numbers, switches and
# names out of a list are quoted.

# ---- what is known ------------------------------------------------------------

# Properties of librdkafka 2.0.2 whose values can be checked before kcat sees
# them: librdkafka reads "10s" as 10, "1e3" as 1 and "010" as 8, and says
# nothing. A property that is not here is for both sides, and text. P is for a
# producer, C for a consumer, * for both; what follows is the range of an
# integer, or the words to choose from.
def properties: {
	"acks": "P acks",
	"allow.auto.create.topics": "* boolean",
	"api.version.fallback.ms": "* 0..604800000",
	"api.version.request": "* boolean",
	"api.version.request.timeout.ms": "* 1..300000",
	"auto.offset.reset": "C earliest|latest|smallest|largest|beginning|end|error",
	"batch.num.messages": "P 1..1000000",
	"batch.size": "P 1..2147483647",
	"broker.address.family": "* any|v4|v6",
	"broker.address.ttl": "* 0..86400000",
	"check.crcs": "C boolean",
	"compression.level": "P -1..12",
	"compression.type": "P none|gzip|snappy|lz4|zstd",
	"connections.max.idle.ms": "* 0..2147483647",
	"consume.callback.max.messages": "C 0..1000000",
	"coordinator.query.interval.ms": "C 1..3600000",
	"delivery.timeout.ms": "P 0..2147483647",
	"enable.auto.offset.store": "C boolean",
	"enable.gapless.guarantee": "P boolean",
	"enable.idempotence": "P boolean",
	"enable.random.seed": "* boolean",
	"enable.ssl.certificate.verification": "* boolean",
	"fetch.error.backoff.ms": "C 0..300000",
	"fetch.max.bytes": "C 0..2147483135",
	"fetch.min.bytes": "C 1..100000000",
	"fetch.wait.max.ms": "C 0..300000",
	"group.id": "C text",
	"group.instance.id": "C text",
	"group.protocol.type": "C text",
	"heartbeat.interval.ms": "C 1..3600000",
	"isolation.level": "C read_uncommitted|read_committed",
	"linger.ms": "P float 0..900000",
	"log.connection.close": "* boolean",
	"log.queue": "* boolean",
	"log.thread.name": "* boolean",
	"log_level": "* 0..7",
	"max.in.flight.requests.per.connection": "* 1..1000000",
	"max.partition.fetch.bytes": "C 1..1000000000",
	"max.poll.interval.ms": "C 1..86400000",
	"message.copy.max.bytes": "* 0..1000000000",
	"message.max.bytes": "* 1000..1000000000",
	"metadata.max.age.ms": "* 1..86400000",
	"partition.assignment.strategy": "C list range|roundrobin|cooperative-sticky",
	"partitioner": "P random|consistent|consistent_random|murmur2|murmur2_random|fnv1a|fnv1a_random",
	"queue.buffering.backpressure.threshold": "P 1..1000000",
	"queue.buffering.max.kbytes": "P 1..2147483647",
	"queue.buffering.max.messages": "P 0..2147483647",
	"queued.max.messages.kbytes": "C 1..2097151",
	"queued.min.messages": "C 1..10000000",
	"queuing.strategy": "P fifo|lifo",
	"receive.message.max.bytes": "* 1000..2147483647",
	"reconnect.backoff.jitter.ms": "* 0..3600000",
	"reconnect.backoff.max.ms": "* 0..3600000",
	"reconnect.backoff.ms": "* 0..3600000",
	"request.timeout.ms": "P 1..900000",
	"retries": "P 0..2147483647",
	"retry.backoff.ms": "P 1..300000",
	"sasl.kerberos.min.time.before.relogin": "* 0..86400000",
	"sasl.mechanism": "* mechanism",
	"security.protocol": "* plaintext|ssl|sasl_plaintext|sasl_ssl",
	"session.timeout.ms": "C 1..3600000",
	"socket.blocking.max.ms": "* 1..60000",
	"socket.connection.setup.timeout.ms": "* 1000..2147483647",
	"socket.keepalive.enable": "* boolean",
	"socket.max.fails": "* 0..1000000",
	"socket.nagle.disable": "* boolean",
	"socket.receive.buffer.bytes": "* 0..100000000",
	"socket.send.buffer.bytes": "* 0..100000000",
	"socket.timeout.ms": "* 10..300000",
	"ssl.endpoint.identification.algorithm": "* none|https",
	"statistics.interval.ms": "* 0..86400000",
	"sticky.partitioning.linger.ms": "P 0..900000",
	"topic.metadata.propagation.max.ms": "* 0..3600000",
	"topic.metadata.refresh.fast.cnt": "* 0..1000",
	"topic.metadata.refresh.fast.interval.ms": "* 1..60000",
	"topic.metadata.refresh.interval.ms": "* -1..3600000",
	"topic.metadata.refresh.sparse": "* boolean",
	"transaction.timeout.ms": "P 1000..2147483647"
};

# librdkafka's second names for the same property.
def property_aliases: {
	"compression.codec": "compression.type",
	"fetch.message.max.bytes": "max.partition.fetch.bytes",
	"max.in.flight": "max.in.flight.requests.per.connection",
	"message.send.max.retries": "retries",
	"message.timeout.ms": "delivery.timeout.ms",
	"metadata.broker.list": "bootstrap.servers",
	"queue.buffering.max.ms": "linger.ms",
	"request.required.acks": "acks",
	"sasl.mechanisms": "sasl.mechanism"
};

# Properties that are refused, and why.
def refused_properties:
	"is ccm's own business" as $ours
	| "would run code from elsewhere" as $code
	| "is not something that text can set" as $pointer
	| "OAUTHBEARER does not work: this kcat has nothing that fetches a token"
		as $oauth
	| {
		"auto.commit.enable": "say enable_auto_commit",
		"auto.commit.interval.ms": "kcat applies it where it has no effect",
		"builtin.features": "is not for setting",
		"default_topic_conf": $pointer,
		"delivery.report.only.error": $ours,
		"enable.auto.commit":
			"kcat applies it where it has no effect; say enable_auto_commit",
		"enable.partition.eof": $ours,
		"enable.sasl.oauthbearer.unsecure.jwt": $oauth,
		"enabled_events": $ours,
		"interceptors": $pointer,
		"internal.termination.signal": $ours,
		"opaque": $pointer,
		"plugin.library.paths": $code,
		"produce.offset.report": $ours,
		"sasl.jaas.config": "say sasl_plain_username and sasl_plain_password",
		"sasl.kerberos.kinit.cmd": $code,
		"ssl.engine.id": $code,
		"ssl.engine.location": $code,
		"ssl.providers": $code,
		"ssl_ca": $pointer,
		"ssl_certificate": $pointer,
		"ssl_key": $pointer,
		"transactional.id": "say CCM_KAFKA_TRANSACTIONAL_ID"
	};
def why_refused:
	if test("^schema\\.registry\\.") then "this kcat has no Avro"
	elif test("^sasl\\.oauthbearer\\.") then
		"OAUTHBEARER does not work: this kcat has nothing that fetches a token"
	elif test("_cb$") then "is not something that text can set"
	elif test("\\.pem$") then
		"kcat's configuration has no line breaks; name a file with .location"
	else refused_properties[.] end;

# Arguments of kafka-python's classes: the side that has it, how its value is
# turned, and the property or properties that it becomes. The ways: "value" by
# what the property takes; "python" is refused as meaning something in Python
# only; "none" is refused as having no counterpart, with what comes nearest;
# the rest are the functions below.
def arguments: {
	"bootstrap_servers": ["*", "list", "bootstrap.servers"],
	"client_id": ["*", "value", "client.id"],
	"request_timeout_ms":
		["*", "value", "socket.timeout.ms", "request.timeout.ms"],
	"retry_backoff_ms": ["P", "value", "retry.backoff.ms"],
	"reconnect_backoff_ms": ["*", "value", "reconnect.backoff.ms"],
	"reconnect_backoff_max_ms": ["*", "value", "reconnect.backoff.max.ms"],
	"max_in_flight_requests_per_connection":
		["*", "value", "max.in.flight.requests.per.connection"],
	"connections_max_idle_ms": ["*", "value", "connections.max.idle.ms"],
	"metadata_max_age_ms":
		["*", "value", "topic.metadata.refresh.interval.ms"],
	"allow_auto_create_topics": ["*", "value", "allow.auto.create.topics"],
	"client_dns_lookup": ["*", "dns_lookup"],
	"receive_message_max_bytes": ["*", "value", "receive.message.max.bytes"],
	"receive_buffer_bytes": ["*", "value", "socket.receive.buffer.bytes"],
	"send_buffer_bytes": ["*", "value", "socket.send.buffer.bytes"],
	"socket_options": ["*", "python",
		"say socket.nagle.disable or socket.keepalive.enable in KAFKA_SETTINGS"],
	"security_protocol": ["*", "value", "security.protocol"],
	"ssl_context": ["*", "python", "say ssl_cafile, ssl_certfile, ssl_keyfile"],
	"ssl_check_hostname":
		["*", "check_hostname", "ssl.endpoint.identification.algorithm"],
	"ssl_cafile": ["*", "value", "ssl.ca.location"],
	"ssl_certfile": ["*", "value", "ssl.certificate.location"],
	"ssl_keyfile": ["*", "value", "ssl.key.location"],
	"ssl_password": ["*", "value", "ssl.key.password"],
	"ssl_crlfile": ["*", "value", "ssl.crl.location"],
	"ssl_ciphers": ["*", "value", "ssl.cipher.suites"],
	"sasl_mechanism": ["*", "value", "sasl.mechanism"],
	"sasl_plain_username": ["*", "value", "sasl.username"],
	"sasl_plain_password": ["*", "value", "sasl.password"],
	"sasl_kerberos_service_name":
		["*", "value", "sasl.kerberos.service.name"],
	"sasl_kerberos_domain_name":
		["*", "none", "librdkafka takes the host name of the broker's address"],
	"sasl_kerberos_name": ["*", "python",
		"say sasl.kerberos.principal in KAFKA_SETTINGS"],
	"sasl_oauth_token_provider": ["*", "python", null],
	"api_version": ["*", "api_version", "api.version.request",
		"broker.version.fallback"],
	"api_version_auto_timeout_ms":
		["*", "value", "api.version.request.timeout.ms"],
	"proxy_url": ["*", "none", "librdkafka knows no proxies"],
	"socks5_proxy": ["*", "none", "librdkafka knows no proxies"],
	"bootstrap_timeout_ms":
		["*", "none", "ccm asks the brokers for ten seconds"],
	"default_api_timeout_ms": ["*", "none", "the nearest is request_timeout_ms"],
	"socket_connection_setup_timeout_ms":
		["*", "value", "socket.connection.setup.timeout.ms"],
	"socket_connection_setup_timeout_max_ms":
		["*", "none", "the nearest is socket_connection_setup_timeout_ms"],
	"metric_reporters": ["*", "python", null],
	"metrics_enabled": ["*", "python", null],
	"metrics_num_samples": ["*", "python", null],
	"metrics_sample_window_ms": ["*", "python", null],
	"selector": ["*", "python", null],
	"kafka_client": ["*", "python", null],
	"net": ["*", "python", null],
	"sock_chunk_bytes": ["*", "python", null],
	"sock_chunk_buffer_count": ["*", "python", null],

	"key_serializer": ["P", "python", "ccm-key makes the keys"],
	"value_serializer": ["P", "python", null],
	"acks": ["P", "value", "acks"],
	"enable_idempotence": ["P", "value", "enable.idempotence"],
	"transactional_id": ["P", "none", "say CCM_KAFKA_TRANSACTIONAL_ID"],
	"transaction_timeout_ms": ["P", "value", "transaction.timeout.ms"],
	"delivery_timeout_ms": ["P", "value", "delivery.timeout.ms"],
	"compression_type": ["P", "value", "compression.type"],
	"retries": ["P", "retries", "retries"],
	"batch_size": ["P", "batch_size", "batch.size", "batch.num.messages"],
	"linger_ms": ["P", "value", "linger.ms"],
	"max_request_size": ["P", "value", "message.max.bytes"],
	"partitioner": ["P", "value", "partitioner"],
	"max_block_ms": ["P", "none", "kcat waits while its queue is full"],
	"buffer_memory": ["P", "kbytes", "queue.buffering.max.kbytes"],
	"bootstrap_topics_filter": ["P", "python", null],

	"group_id": ["C", "value", "group.id"],
	"group_instance_id": ["C", "value", "group.instance.id"],
	"client_rack": ["C", "value", "client.rack"],
	"key_deserializer": ["C", "python", null],
	"value_deserializer": ["C", "python", null],
	"enable_incremental_fetch_sessions":
		["C", "none", "librdkafka has no fetch sessions"],
	"fetch_min_bytes": ["C", "value", "fetch.min.bytes"],
	"fetch_max_wait_ms": ["C", "value", "fetch.wait.max.ms"],
	"fetch_max_bytes": ["C", "value", "fetch.max.bytes"],
	"max_partition_fetch_bytes": ["C", "value", "max.partition.fetch.bytes"],
	"auto_offset_reset": ["C", "value", "auto.offset.reset"],
	# Not enable.auto.commit: kcat sets properties of topics first, and there
	# is an old one of that name which a group's consumer does not look at.
	"enable_auto_commit": ["C", "value", "enable.auto.offset.store"],
	"auto_commit_interval_ms":
		["C", "none", "kcat would set it where it has no effect"],
	"default_offset_commit_callback": ["C", "python", null],
	"check_crcs": ["C", "value", "check.crcs"],
	"isolation_level": ["C", "value", "isolation.level"],
	"partition_assignment_strategy":
		["C", "strategy", "partition.assignment.strategy"],
	"max_poll_interval_ms": ["C", "value", "max.poll.interval.ms"],
	"max_poll_records": ["C", "none", "kcat takes what has come"],
	"session_timeout_ms": ["C", "value", "session.timeout.ms"],
	"heartbeat_interval_ms": ["C", "value", "heartbeat.interval.ms"],
	"consumer_timeout_ms": ["C", "none", "the nearest is ccm-consume -e or -c"],
	"exclude_internal_topics":
		["C", "none", "the nearest is topic.blacklist in KAFKA_SETTINGS"],
	"metric_group_prefix": ["C", "python", null],
	"legacy_iterator": ["C", "python", null]
};

def argument_aliases: {
	"sasl_username": "sasl_plain_username",
	"sasl_password": "sasl_plain_password",
	"service_name": "sasl_kerberos_service_name"
};

# librdkafka's names without a dot that are taken as they are (from the object
# alone: KAFKA_DEBUG is a variable of Kafka's own scripts).
def undotted: ["debug", "log_level"];

# ---- how values are turned ----------------------------------------------------
#
# Input the value, from JSON or from a variable (then a string); output what
# the property gets, or an error() that reads on after the setting's name.

def quoted: tojson | if length > 60 then .[0:60] + "..." else . end;
def trim: if type == "string" then sub("^ +"; "") | sub(" +$"; "") else . end;

# A number that jq would not write as it was read is not taken for text.
def as_text:
	if type == "string" then .
	elif type == "boolean" then tostring
	elif type == "number" and . == floor and . < 1e15 and . > -1e15
	then tostring
	else error("is not text") end;

def as_boolean:
	. as $given
	| trim | tostring | ascii_downcase
	| if . == "true" or . == "1" then "true"
	  elif . == "false" or . == "0" then "false"
	  else error("is \($given | quoted); it takes true, false, 1 or 0") end;

def as_number($lowest; $highest; $fraction):
	. as $given
	| "is \(quoted); it takes a number from \($lowest) to \($highest)" as $wrong
	| trim
	| if type == "string" then
		if test("^-?[0-9]{1,15}(\\.[0-9]{1,15})?$") then tonumber
		else error($wrong) end
	  elif type == "number" then .
	  else error($wrong) end
	# Python's milliseconds may have a fraction, librdkafka's have none.
	| if $fraction == "round" then . + 0.5 | floor else . end
	| if . < $lowest or . > $highest then error($wrong)
	  elif . != floor and $fraction != "keep" then error($wrong)
	  else tostring end;

def as_word($words):
	. as $given
	| trim | tostring | ascii_downcase
	| if IN($words[]) then .
	  else error("is \($given | quoted); it takes "
		+ ($words[:-1] | join(", ")) + " or " + $words[-1]) end;

def as_list:
	if type == "string" then split(",") else . end
	| if type != "array" or any(type != "string") then
		error("is not a list of names")
	  else map(trim) | map(select(. != "")) end
	| if . == [] then error("is an empty list") else join(",") end;

def as_acks:
	. as $given
	| trim | tostring | ascii_downcase
	| if . == "all" or . == "-1" then "-1"
	  elif . == "0" or . == "1" then .
	  else error("is \($given | quoted); it takes 0, 1, -1 or all") end;

# Upper case, because librdkafka finds the mechanism by its exact name.
def as_mechanism:
	. as $given
	| trim | tostring | ascii_upcase
	| if IN("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI") then .
	  elif . == "OAUTHBEARER" then
		error("is OAUTHBEARER, which does not work: "
			+ "this kcat has nothing that fetches a token")
	  elif . == "AWS_MSK_IAM" then
		error("is AWS_MSK_IAM, which librdkafka does not have")
	  else error("is \($given | quoted); it takes PLAIN, SCRAM-SHA-256, "
		+ "SCRAM-SHA-512 or GSSAPI") end;

# What the row of `properties` for $property says.
def as_property($property):
	(properties[$property] // "* text") as $row
	| ($row | split(" ")) as $word
	| if $word[1] == "text" then as_text
	  elif $word[1] == "boolean" then as_boolean
	  elif $word[1] == "acks" then as_acks
	  elif $word[1] == "mechanism" then as_mechanism
	  elif $word[1] == "list" then
		as_list | split(",")
		| map(as_word($word[2] | split("|"))) | join(",")
	  elif $word[-1] | test("\\.\\.") then
		($word[-1] | split("..") | map(tonumber)) as $range
		| as_number($range[0]; $range[1];
			if $word[1] == "float" then "keep"
			elif $property | test("\\.ms$") then "round"
			else "refuse" end)
	  else as_word($word[1] | split("|")) end;

def set($property; f): {property: $property, value: f};

# [{property, value}...] of an argument; the value is the input.
def turned($way; $to):
	. as $value
	| if $way == "value" then
		if type != "string" and (properties | has($to[0]) | not)
		then error("is not text") else . end
		| [$to[] as $property
			| set($property; $value | as_property($property))]
	  elif $way == "list" then [set($to[0]; as_list)]
	  elif $way == "check_hostname" then
		[set($to[0]; if as_boolean == "true" then "https" else "none" end)]
	  elif $way == "retries" then
		# kafka-python's default is infinity, which JSON has to write as text
		[set($to[0];
			if trim | tostring | ascii_downcase | IN("inf", "infinity")
			then "2147483647" else as_property("retries") end)]
	  elif $way == "batch_size" then
		# 0 is kafka-python's way to ask for no batches
		as_number(0; 2147483647; "refuse")
		| if . == "0" then [set("batch.num.messages"; "1")]
		  else [set("batch.size"; .)] end
	  elif $way == "kbytes" then
		# from bytes, 1 KiB at least
		as_number(1; 2147483647 * 1024; "refuse")
		| [set($to[0]; (tonumber + 1023) / 1024 | floor | tostring)]
	  elif $way == "strategy" then
		[set($to[0]; try as_property($to[0]) catch
			error("is a Python-only argument; of its names, range, "
				+ "roundrobin and cooperative-sticky are understood"))]
	  elif $way == "dns_lookup" then
		if . == "use_all_dns_ips" then []
		else error("is \(quoted); librdkafka always does what "
			+ "use_all_dns_ips says") end
	  elif $way == "api_version" then
		# Not a number: JSON's 0.10 is 0.1.
		(if type == "array" then map(tostring) | join(".")
		 elif type == "string" then
			ascii_downcase | gsub("[() ]"; "") | gsub(","; ".")
		 else "" end)
		| if . == "auto" then []
		  elif test("^[0-9]{1,4}(\\.[0-9]{1,4}){1,3}$") then
			(split(".") | map(tonumber)) as $version
			| if $version >= [0, 10] then []
			  elif $version < [0, 8] then
				error("is \($value | quoted), older than what librdkafka knows")
			  else [set("api.version.request"; "false"),
				set("broker.version.fallback";
					if $version < [0, 9]
					then "0.8.\($version[2] // 0)" else "0.9.0" end)] end
		  else error("is \($value | quoted); it takes \"auto\" or a version "
			+ "such as \"2.6\" or [2, 6]") end
	  elif $way == "python" then
		error("is a Python-only argument"
			+ if $to[0] then "; " + $to[0] else "" end)
	  else error("has no counterpart here; " + $to[0]) end;

# Properties that go to kcat as arguments, which other users of the machine can
# see: the one that kcat's configuration file drops in silence, and the one that
# can be longer than a line of that file.
def by_argument: IN("ssl.endpoint.identification.algorithm", "bootstrap.servers");

# What kcat's configuration file cannot carry, refused. A line is read into
# 512 bytes, its blanks are cut at both ends, "\:" and "\=" lose the backslash.
def carried:
	(.property + "=" + .value) as $line
	| if $line | test("[\\x00-\\x1f\\x7f]") then
		error("has a control character, which kcat cannot be given")
	  elif .value | test("^ ") then
		error("begins with a blank, which kcat would cut off")
	  elif .value | test(" $") then
		error("ends with a blank, which kcat would cut off")
	  elif .value | test("\\\\[:=]") then
		error("has a backslash before : or =, which kcat would cut out")
	  elif ($line | utf8bytelength) > 511 and (.property | by_argument | not)
	  then
		error("is too long: kcat takes \(510 - (.property | utf8bytelength)) "
			+ "bytes here")
	  else . end;

# ---- from the input to settings -----------------------------------------------
#
# A setting: {shown, name, value}, and what it is: argument, property, unknown or
# error.

def given: .value != null and .value != "";

def canonical_property:
	# kcat takes topic.NAME for a property of topics; these are not that.
	if startswith("topic.") and . != "topic.blacklist"
		and (startswith("topic.metadata.") | not)
	then ltrimstr("topic.") else . end
	| property_aliases[.] // .;

def from_object:
	to_entries[] | select(given)
	| .key as $key
	| (argument_aliases[$key] // $key) as $name
	| {shown: "KAFKA_SETTINGS: \($key | tojson)", value}
	+ if arguments | has($name) then {name: $name, argument: $name}
	  elif ($key | why_refused) != null then
		{name: $key, error: "is refused: \($key | why_refused)"}
	  elif ($key | test("^[A-Za-z0-9_.-]+$"))
		and ($key | (test("\\.") or IN(undotted[]))) then
		($key | canonical_property) as $property
		| ($property | why_refused) as $why
		| {name: $property}
		+ if $why then {error: "is refused: \($why)"}
		  else {property: $property} end
	  else {name: $key, error: "is not a setting of Kafka's"} end;

def from_variable:
	. as $line
	| capture("^(?<key>[A-Za-z0-9_]+)(?<mark>[=!])") as {$key, $mark}
	| {value: ($line | ltrimstr($key + $mark))}
	| select(given)
	| ($key | ltrimstr("KAFKA_") | ascii_downcase) as $lower
	| (argument_aliases[$lower] // $lower) as $name
	| {shown: $key, name: $name}
	+ if (arguments | has($name) | not) or $key != ($key | ascii_upcase)
	  then {unknown: true}
	  elif $mark == "!" then {error: .value}
	  else {argument: $name, value} end;

def side_of_property: (properties[.] // "* text")[0:1];

# Adds .set, a list of {property, value}, and .side; or .error.
def translated:
	. as $setting
	| if .error then .
	  elif .argument then
		arguments[.argument] as $row
		| [try ($setting.value | turned($row[1]; $row[2:]) | map(carried))
			catch {error: .}][0] as $set
		| . + if $set | type == "array"
		  then {side: $row[0], set: $set, targets: $row[2:]} else $set end
	  else
		.property as $property
		| [try ($setting.value
			| [set($property; as_property($property)) | carried])
			catch {error: .}][0] as $set
		| . + if $set | type == "array"
		  then {side: ($property | side_of_property), set: $set,
			targets: [$property]}
		  else $set end
	  end;

# The first of two settings for one thing that contradict each other, or one
# that is there by its argument and by its property.
def conflicts:
	map(select(.error | not))
	| (group_by([.name, .property])[]
		| unique_by(.value | tojson) | select(length > 1)
		| "\(.[0].shown) and \(.[1].shown) say different things"),
	  ([.[] | . + {target: .targets[]}]
		| group_by(.target)[] | unique_by([.name, .property])
		| select(length > 1)
		| "\(.[0].shown) and \(.[1].shown) are one setting; "
			+ "one of them has to go");

# ---- what the settings have to fulfil together ----------------------------------
#
# Input {of: {PROPERTY: {value, shown}}, refused: [PROPERTY...], warn: [],
# error: []}.

def value($property): .of[$property].value;
def shown($property): .of[$property].shown // $property;
def put($property; $value): .of[$property] = {value: $value};
def default($property; $value):
	if .of[$property] then . else put($property; $value) end;
def warning($message): .warn += [$message];
def fault($message): .error += [$message];
# Neither given nor refused: what has been refused by name is not missing too.
def lacks($property):
	.of[$property] == null and (.refused | index($property) | not);

def security:
	(value("security.protocol") // "plaintext") as $protocol
	| value("sasl.mechanism") as $mechanism
	| if $protocol | startswith("sasl_") | not then
		if $mechanism == null or (.refused | index("security.protocol"))
		then . else
			warning("\(shown("sasl.mechanism")) is given and the security "
				+ "protocol is \($protocol | ascii_upcase): nobody is "
				+ "authenticated") end
	  elif $mechanism == null then
		if lacks("sasl.mechanism") then
			fault("\(shown("security.protocol")) is \($protocol | ascii_upcase), "
				+ "and KAFKA_SASL_MECHANISM is missing")
		else . end
	  elif $mechanism == "GSSAPI" then
		# kafka-python takes the ticket that is there; so does librdkafka, once
		# it is told never to run kinit.
		if .of["sasl.kerberos.keytab"] then .
		else default("sasl.kerberos.min.time.before.relogin"; "0") end
	  else
		reduce (["sasl.username", "KAFKA_SASL_USERNAME"],
			["sasl.password", "KAFKA_SASL_PASSWORD"]) as $need (.;
			if lacks($need[0]) then
				fault("\(shown("sasl.mechanism")) is \($mechanism), and "
					+ "\($need[1]) is missing")
			else . end)
	  end;

# Python reads the key from the certificate's file where no other is named.
def client_certificate:
	if .of["ssl.certificate.location"] and (.of["ssl.keystore.location"] | not)
	then default("ssl.key.location"; value("ssl.certificate.location"))
	else . end;

# What of the user's own settings makes an idempotent producer impossible.
def not_idempotent:
	[(select((value("acks") // "-1") != "-1") | shown("acks")),
	 (select(value("retries") == "0") | shown("retries")),
	 (select((value("max.in.flight.requests.per.connection") // "5" | tonumber)
		> 5) | shown("max.in.flight.requests.per.connection"))];

def producer($transactional_id):
	not_idempotent as $because
	| value("enable.idempotence") as $asked
	| if $transactional_id != "" then
		if $because != [] or $asked == "false" then
			fault("CCM_KAFKA_TRANSACTIONAL_ID needs acks=all, retries, at most "
				+ "5 requests in flight and idempotence; the settings differ in "
				+ ($because + if $asked == "false"
					then [shown("enable.idempotence")] else [] end | join(", ")))
		else
			put("transactional.id"; $transactional_id)
			| ([{property: "transactional.id", value: $transactional_id}
				| try (carried | empty) catch .][0]) as $wrong
			| if $wrong then fault("CCM_KAFKA_TRANSACTIONAL_ID \($wrong)")
			  else . end
			| put("enable.idempotence"; "true")
			# 15 minutes, the most that a broker allows unless told otherwise
			| default("transaction.timeout.ms"; "900000")
			| (value("transaction.timeout.ms") | tonumber) as $most
			| if .of["delivery.timeout.ms"] == null then
				put("delivery.timeout.ms"; [900000, $most] | min | tostring)
			  elif (value("delivery.timeout.ms") | tonumber)
				| . == 0 or . > $most then
				fault("\(shown("delivery.timeout.ms")) is longer than the "
					+ "transaction's \($most) ms")
			  else . end
		end
	  elif $because == [] then default("enable.idempotence"; "true")
	  elif $asked == "true" then
		fault("\(shown("enable.idempotence")) is not possible with "
			+ ($because | join(", ")))
	  else
		del(.of["enable.idempotence"])
		| if $asked == null then
			warning("sending without idempotence, because of "
				+ ($because | join(", "))
				+ ": a broker's absence may double records")
		  else . end
	  end
	| default("acks"; "-1")
	# The waiting for a broker happens inside one kcat: another try would send
	# again what had gone.
	| default("delivery.timeout.ms"; "900000")
	# librdkafka refuses it without a name.
	| (value("linger.ms") // "0" | tonumber) as $linger
	| (value("delivery.timeout.ms") | tonumber) as $delivery
	| if $delivery == 0 or $delivery > $linger then . else
		fault("\(shown("linger.ms")) is \($linger), and has to be less than "
			+ "\(shown("delivery.timeout.ms")), which is \($delivery)") end
	# Where kafka-python and Java put a key.
	| default("partitioner"; "murmur2_random")
	# Twice the longest line (1 MiB; its key is a part of it), delimiters, and
	# the 2048 bytes that kcat's reader wants. A smaller max_request_size is
	# not obeyed: a record above it would end kcat in the middle of its input,
	# while one that the broker finds too large costs only itself.
	| put("message.max.bytes";
		[2101248, (value("message.max.bytes") // "0" | tonumber)]
		| max | tostring)
	# librdkafka's default is a whole GiB of memory.
	| default("queue.buffering.max.kbytes"; "65536");

# kafka-python's defaults, where librdkafka's differ; and the beginning of a
# topic for a group that is new to it.
def consumer:
	default("check.crcs"; "true")
	| default("isolation.level"; "read_uncommitted")
	| default("auto.offset.reset"; "earliest");

# ---- all of it ----------------------------------------------------------------

(if $side == "producer" then "P" else "C" end) as $letter
| (input | fromjson) as $object
| (if $object | type != "object" then [{
		shown: "KAFKA_SETTINGS", error: "is not a JSON object", name: ""}]
   else [$object | from_object] end) as $in_object
| [inputs | from_variable] as $in_variables
| ($in_variables | map(select(.unknown) | .shown)) as $unknown
| ($in_variables | map(select(.unknown | not) | translated)) as $variables
| ($variables | map(.name)) as $names
| ($variables | map(.targets // [] | .[])) as $targets
# A variable wins over the object, by whichever of its names.
| ($in_object | map(translated
	| select(.error or ((.name | IN($names[]) | not)
		and (.targets | any(IN($targets[])) | not))))) as $objects
| ($variables + $objects) as $settings
| {
	of: ([$settings[] | select(.error | not)
		| .shown as $shown
		| select(.side == "*" or .side == $letter)
		| .set[]
		| (.property | side_of_property) as $own
		| select($own == "*" or $own == $letter)
		| {key: .property, value: {value, $shown}}] | from_entries),
	refused: [$settings[] | select(.error)
		| (arguments[.name // ""] // [null, null, .name])[2:][]],
	warn: (if $unknown == [] then [] else
		["not a setting of Kafka's, and ignored: \($unknown | join(", "))"] end),
	error: [($settings[] | select(.error) | "\(.shown) \(.error)"),
		($variables | conflicts), ($objects | conflicts)]
  }
| if .of["bootstrap.servers"] or .error != [] then . else
	fault("KAFKA_BOOTSTRAP_SERVERS is missing") end
| security
| client_certificate
| if $side == "producer" then producer($transactional_id) else consumer end
| (.warn[] | "warn " + .),
  (.error[] | "error " + .),
  (.of | to_entries[]
	| (if .key | by_argument then "arg " else "set " end)
	+ .key + "=" + .value.value)
