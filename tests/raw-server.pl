#!/usr/bin/perl
# A server on loopback that answers each request as a test's Perl code says,
# byte by byte, so that an answer can be wrong in any way.
#
#	raw-server.pl CODE [LOG]
#
# prints its URL, and appends each request's line and body to LOG. CODE runs for
# each request, with its number (from 1) in $n and its text in $request, and
# calls
#
#	put(TEXT)             sends TEXT
#	head(STATUS, LINES)   sends the head of an answer that ends with the
#	                      connection; LINES are further headers
#	json(TEXT)            sends a whole answer, 200
#	pause(SECONDS)        sends nothing
#	drip(TEXT, SECONDS)   sends TEXT every SECONDS
#	forever(TEXT)         sends TEXT again and again
#
# Each ends when the client closes the connection. A connection carries one
# request.
use strict;
use warnings;
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

my ($code, $log) = @ARGV;
my $server = IO::Socket::INET->new(
	LocalAddr => '127.0.0.1',
	Listen    => 16,
	ReuseAddr => 1
) or die "cannot listen: $!\n";
STDOUT->autoflush(1);
print 'http://127.0.0.1:', $server->sockport, "\n";
$SIG{CHLD} = 'IGNORE';
my $client;

sub put { print {$client} $_[0] or exit 0; }

sub head {
	my ($status, @lines) = @_;
	put(join "\r\n", "HTTP/1.1 $status x", 'Connection: close', @lines, '', '');
}

sub json {
	head(200, 'Content-Type: application/json', 'Content-Length: ' . length $_[0]);
	put($_[0]);
}

# The client sends no more: what can be read is the end of the connection.
sub pause { exit 0 if IO::Select->new($client)->can_read($_[0]); }

sub drip {
	while (1) { put($_[0]); pause($_[1]); }
}

sub forever {
	my $block = $_[0] x (1 + 65536 / length $_[0]);
	put($block) while 1;
}

sub read_request {
	my $text = '';
	until ($text =~ /\r\n\r\n/) { sysread $client, $text, 65536, length $text or exit 0; }
	my ($length) = $text =~ /^content-length: *(\d+)/mi;
	my $end = index($text, "\r\n\r\n") + 4 + ($length // 0);
	while (length $text < $end) { sysread $client, $text, 65536, length $text or exit 0; }
	return $text;
}

our $n = 0;
our $request;
my $play = eval "sub { $code }" or die $@;
while (1) {
	$client = $server->accept or next;
	$n++;
	if (fork) {
		close $client;
		next;
	}
	close $server;
	$client->autoflush(1);
	$request = read_request();
	if (defined $log) {
		open my $out, '>>', $log or die "$log: $!\n";
		my ($line, $body) = $request =~ /^(.*?) HTTP.*?\r\n\r\n(.*)/s;
		syswrite $out, "$line $body\n";
	}
	$play->();
	close $client;
	exit 0;
}
