#!/usr/bin/perl
# Clients that POST metrics, each on a connection of its own, until they are
# ended; whatever they lose, they begin again.
#
#	load-client.pl CLIENTS HOST:PORT PREFIX
#
# Each request has one metric with a name of its own. A name that was accepted
# is a line of PREFIX.accepted, one that got an error status one of
# PREFIX.refused. One without an answer is in neither: nothing was promised.
use strict;
use warnings;
use IO::Socket::INET;

my ($clients, $address, $prefix) = @ARGV;
my @children;
for my $client (1 .. $clients) {
	my $pid = fork // die "fork: $!\n";
	run($client) if $pid == 0;
	push @children, $pid;
}
$SIG{TERM} = sub { kill 'TERM', @children; exit 0 };
waitpid $_, 0 for @children;

sub run {
	my $client = shift;
	my ($server, $n) = (undef, 0);
	open my $accepted, '>>', "$prefix.accepted" or die;
	open my $refused, '>>', "$prefix.refused" or die;
	$SIG{PIPE} = 'IGNORE';
	while (1) {
		$server //= IO::Socket::INET->new(PeerAddr => $address);
		select undef, undef, undef, 0.01 unless $server;
		next unless $server;
		my $name = "m_${$}_" . ++$n;
		my $body = qq({"metrics":[{"name":"$name","value":$n,"timestamp":1756900800000,"tags":{"client":"$client"},"profileId":"p"}]});
		my $request = "POST /api/v2/app/load/metrics HTTP/1.1\r\nHost: $address\r\n"
			. "Content-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
		my $answer = exchange($server, $request);
		if (!defined $answer) { $server = undef; next }
		syswrite $answer =~ /^HTTP\/1.1 202 / ? $accepted : $refused, "$name\n";
		$server = undef if $answer =~ /^connection: close/mi;
	}
}

# The answer, or undef where none came.
sub exchange {
	my ($server, $request) = @_;
	my ($answer, $length) = '';
	(syswrite($server, $request) // 0) == length $request or return undef;
	while (1) {
		sysread $server, $answer, 65536, length $answer or return undef;
		my $head = index $answer, "\r\n\r\n";
		next if $head < 0;
		($length) = $answer =~ /^content-length: *(\d+)/mi;
		return $answer if length $answer >= $head + 4 + ($length // 0);
	}
}
