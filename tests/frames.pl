#!/usr/bin/perl
# A PROG for ccm-consume: each record becomes a line, whatever was framed with
# it (ccm-consume(1)); with -k that is shown, too, and so are control lines. It
# exits 65 where its input ends within a record.
use strict;
use warnings;

my $all = @ARGV && $ARGV[0] eq '-k';
$| = 1;
binmode $_ for *STDIN, *STDOUT;

# take(LENGTH): so many bytes of the input; -1: there is nothing, not even ''
sub take {
	my ($len) = @_;
	my $bytes = '';
	return 'none' if $len < 0;
	if ($len > 0 && read(STDIN, $bytes, $len) < $len) {
		print STDERR "frames.pl: half a record\n";
		exit 65;
	}
	return "<$bytes>";
}

while (defined(my $head = <STDIN>)) {
	if ($head =~ /^\{.*\}\n\z/) {
		print $head if $all;
		next;
	}
	my ($partition, $offset, $time, $key_len, $len) =
		$head =~ /^(\d+)\t(\d+)\t(-?\d+)\t(-1|\d+)\t(-1|\d+)\n\z/
		or die "frames.pl: no frame: $head";
	my $key = take($key_len);
	my $record = take($len);
	$record = 'no value' if $record eq 'none';
	print $all ? "$partition $offset $time $key $record\n" : "$record\n";
}
