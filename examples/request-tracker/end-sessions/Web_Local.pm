# Lets nobody in by remote user whose account is disabled, and whoever was in out at the next click. Request Tracker itself
# looks at the account of a remote user only for whether there is one.
#
# Copy this file to RT/Interface/ below the local library of Request Tracker, such as
# /usr/local/share/request-tracker5/lib/RT/Interface/Web_Local.pm, and restart it.
#
# Copyright: the authors of concordat. License: GPL-2.0-or-later, as it uses Request Tracker's own modules.
package RT::Interface::Web;

use strict;
use warnings;
no warnings 'redefine';

sub WebCanonicalizeInfo {
    my $name = RequestENV('REMOTE_USER');
    return $name unless $name;
    $name = lc $name;
    my $user = RT::User->new( RT->SystemUser );
    $user->Load($name);
    return if $user->id && $user->Disabled;
    return $name;
}

1;
