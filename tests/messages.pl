#!/usr/bin/perl
# What ccm-avro encode writes for ccm-produce, checked, as what ccm-consume gives
# to ccm-avro decode: as if it had been on partition 3 of a topic, from offset 0.
# Delimiters are those of CCM_DELIMS.
use strict;
use warnings;

binmode $_ for *STDIN, *STDOUT;
my $delimiters = $ENV{CCM_DELIMS};
my $half = length($delimiters) / 2;
my ($d1, $d2) = (substr($delimiters, 0, $half), substr $delimiters, $half);
my $frames = do { local $/; <STDIN> };
my $offset = 0;
for my $frame (split /\Q$d2\E/, $frames // '', -1) {
	last if $frame eq '' && $offset > 0;
	my ($time, $len, $key, $value) =
		$frame =~ /^(\d+)\t(\d+)\t(.*?)\Q$d1\E(.*)\z/s
		or die "messages.pl: no frame: $frame\n";
	length($key) + length($value) == $len or die "messages.pl: length\n";
	printf "3\t%d\t%d\t%d\t%d\n%s%s", $offset++, $time, length $key,
		length $value, $key, $value;
}
