<?php
// Signs in whom the proxy before the wiki has authenticated: the part of the extension Auth_remoteuser that tests need.
use MediaWiki\Session\ImmutableSessionProviderWithCookie;
use MediaWiki\Session\SessionInfo;
use MediaWiki\Session\UserInfo;

class RemoteUserSessionProvider extends ImmutableSessionProviderWithCookie {
	public function provideSessionInfo( WebRequest $request ) {
		$principal = $request->getHeader( 'X-Remote-User' );
		if ( $principal === false ) {
			return null;
		}
		// The realm of Kerberos is cut off.
		$user = UserInfo::newFromName( ucfirst( strtok( $principal, '@' ) ), true );
		$id = $this->getSessionIdFromCookie( $request );
		return new SessionInfo( SessionInfo::MAX_PRIORITY, [
			'provider' => $this,
			'id' => $id ?? $this->manager->generateSessionId(),
			'userInfo' => $user,
			'persisted' => $id !== null,
			'forceUse' => true,
		] );
	}
}

$wgSessionProviders[] = [ 'class' => RemoteUserSessionProvider::class, 'args' => [ [ 'sessionCookieName' => 'RemoteUser' ] ] ];
