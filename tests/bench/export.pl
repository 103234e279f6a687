# export.pl COUNT - the answer of /export, as the API writes it: COUNT samples of
# six families, a comma behind the last label, values in Java's way.
use strict;
use warnings;
srand(1);
my $count = $ARGV[0];
my @families = (
	[received_bytes => 'topic'], [sent_bytes => 'topic'],
	[retained_bytes => 'topic'], [request_bytes => 'principal_id'],
	[response_bytes => 'principal_id'], [consumer_lag_offsets => 'consumer_group_id']);
for my $f (0 .. $#families) {
	my ($name, $label) = @{$families[$f]};
	print "# HELP confluent_kafka_server_$name The $name of a cluster, sampled every 60 seconds.\n";
	print "# TYPE confluent_kafka_server_$name gauge\n";
	for my $i (int($count * $f / @families) .. int($count * ($f + 1) / @families) - 1) {
		my $n = $i % 4 ? sprintf('%d.0', rand(1e6)) : sprintf('%.6fE%d', 1 + rand(8), 7 + $i % 6);
		my $value = $label eq 'principal_id' ? sprintf('sa-%06d",type="%s', $i % 700, $i % 2 ? 'Fetch' : 'Produce')
			: sprintf('orders.v1.%s-%d', $label, $i % 500);
		printf 'confluent_kafka_server_%s{kafka_id="lkc-%05d",%s="%s",} %s %d' . "\n",
			$name, $i / 500, $label, $value, $n, 1756900800000;
	}
}
