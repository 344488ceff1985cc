# Ends the web sessions of a user of Request Tracker, whose number is the argument. Runs on its host, with its configuration.
# Copyright: the authors of concordat. License: GPL-2.0-or-later, as it uses Request Tracker's own modules.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib', '/opt/rt5/lib';
use RT;
RT::LoadConfig();
RT::Init();
require RT::Interface::Web::Session;

my $user = shift // '';
die "usage: end-sessions.pl NUMBER\n" unless $user =~ /\A[1-9][0-9]*\z/;
my $ended = 0;
for my $id (@{ RT::Interface::Web::Session->Ids }) {
    my %session;
    tie %session, 'RT::Interface::Web::Session', $id;
    if ($session{CurrentUser} && $session{CurrentUser}->id == $user) {
        tied(%session)->delete;
        $ended++;
    }
    else {
        untie %session;
    }
}
print "$ended\n";
