#!/usr/bin/perl
# A client on loopback that sends bytes as they are, and prints what comes back
# until the server closes the connection, which it has to do within 30 s.
#
#	raw-client.pl [-d SECONDS] [-h] HOST:PORT <BYTES
#
#	-d SECONDS  one byte at a time, with that much between them
#	-h          closes its end for writing when all is sent
#
# The last line tells how the connection ended ("end", or "reset") and after how
# many whole seconds.
use strict;
use warnings;
use Getopt::Std;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

my %option;
getopts('d:h', \%option) or exit 64;
my $server = IO::Socket::INET->new(PeerAddr => $ARGV[0]) or die "cannot connect: $!\n";
my ($began, $input, $answer, $end) = (time, '', '', 'late');
$SIG{PIPE} = 'IGNORE';
binmode STDIN;
local $/ = undef;
$input = <STDIN>;
$server->blocking(0);
my $readable = IO::Select->new($server);
my $at = 0;
while (time - $began < 30) {
	if ($at < length $input) {
		my $len = defined $option{d} ? 1 : length($input) - $at;
		my $sent = syswrite $server, $input, $len, $at;
		$at += $sent // 0;
		$at = length $input if !defined $sent && !$!{EAGAIN};
		shutdown $server, 1 if $at == length $input && $option{h};
	}
	my $wait = $at == length $input ? 1 : $option{d} // 0.01;
	next unless $readable->can_read($wait);
	my $got = sysread $server, $answer, 65536, length $answer;
	next if !defined $got && $!{EAGAIN};
	$end = defined $got ? 'end' : 'reset';
	last unless $got;
}
print $answer, sprintf("%s after %d s\n", $end, time - $began);
