# A local module of Request Tracker's, as a company may have one: it does not want one person.
package RT::User;
use strict;
no warnings 'redefine';

my $create = \&RT::User::Create;
*RT::User::Create = sub {
    my ( $self, %args ) = @_;
    return ( 0, 'The module says no.' ) if ( $args{Name} // '' ) eq 'unwanted';
    return $create->( $self, %args );
};

1;
