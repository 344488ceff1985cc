<?php
// Extensions that go wrong, each for one account.
$wgHooks['LocalUserCreated'][] = static function ( User $user ) {
	$mark = getenv( 'WIKI_DATA' ) . '/die-once';
	if ( $user->getName() === 'Dies once' && file_exists( $mark ) ) {
		unlink( $mark );
		// After the account is there, and before anybody is told.
		DeferredUpdates::addCallableUpdate( static function () {
			exit( 1 );
		} );
	}
	if ( $user->getName() === 'Dies always' ) {
		exit( 1 );
	}
	if ( $user->getName() === 'Refused' ) {
		throw new RuntimeException( 'The extension does not want this person.' );
	}
};
$wgHooks['BlockIp'][] = static function ( $block, $by, array &$reason ) {
	if ( $block->getTargetName() === 'Immune' ) {
		$reason = [ 'badaccess-group0' ];
		return false;
	}
};
