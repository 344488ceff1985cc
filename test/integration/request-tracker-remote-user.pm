# Plays the web server in front of Request Tracker that has authenticated somebody by Kerberos: what it would say in
# REMOTE_USER stands in a header of the request. Loaded as RT/Interface/Web_Vendor.pm, before what is local.
package RT::Interface::Web;

use strict;
use warnings;
no warnings 'redefine';

my $environment;
BEGIN { $environment = \&RequestENV }

sub RequestENV {
    my $name = shift;
    return $environment->($name) unless defined $name && $name eq 'REMOTE_USER';
    my $principal = $environment->('HTTP_X_REMOTE_USER');
    $principal =~ s/\@EXAMPLE\.COM$// if defined $principal;
    return $principal;
}

1;
