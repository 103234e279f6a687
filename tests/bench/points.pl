# points.pl COUNT - data points as ccm-fetch writes them: three metrics of many
# clusters, principals and topics, some values with a fraction.
use strict;
use warnings;
srand(1);
for my $i (0 .. $ARGV[0] - 1) {
	my $metric = qw(request_bytes response_bytes retained_bytes)[$i % 3];
	my $label = $i % 3 == 2 ? sprintf('"metric.topic":"orders.v1.topic-%d"', $i % 500)
		: sprintf('"metric.principal_id":"sa-%06d"', $i % 700);
	my $value = $i % 4 ? int(rand(1e9)) : sprintf('%.1f', rand(1e6));
	printf '{"metric":"io.confluent.kafka.server/%s","resource.kafka.id":"lkc-%05d",%s,'
		. '"timestamp":"2025-09-02T%02d:00:00Z","value":%s}' . "\n",
		$metric, $i / 500, $label, $i % 24, $value;
}
