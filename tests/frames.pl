#!/usr/bin/perl
# A PROG for ccm-consume: each record, which comes behind its length (four bytes,
# big-endian; -1: there is no value), becomes a line. It exits 65 where its input
# ends within a record.
use strict;
use warnings;

$| = 1;
binmode $_ for *STDIN, *STDOUT;
while (my $got = read STDIN, my $head, 4) {
	my $len = $got == 4 ? unpack 'l>', $head : 0;
	my $record = '';
	if ($got < 4 || ($len > 0 && read(STDIN, $record, $len) < $len)) {
		print STDERR "frames.pl: half a record\n";
		exit 65;
	}
	print $len < 0 ? 'no value' : "<$record>", "\n";
}
