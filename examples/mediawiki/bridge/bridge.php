<?php
/**
 * Users and groups of a MediaWiki, for a program at the other end of a pipe.
 *
 * Every line of the standard input is a request, {"id": 1, "op": "get", "args": {…}}. The answer is a line of the
 * standard output that begins with the character RS (0x1E): {"id": 1, "result": …} or {"id": 1, "error": {…}}.
 * Whatever MediaWiki or an extension prints beside goes to the standard error, or has no RS before it.
 *
 * It writes by MediaWiki's own classes alone, each request as one transaction; nothing is written to a table here.
 *
 * Copyright (C) 2026 The Concordat authors
 *
 * This program is free software; you can redistribute it and/or modify it under the terms of the GNU General Public
 * License as published by the Free Software Foundation; either version 2 of the License, or (at your option) any later
 * version. It is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied
 * warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See the file LICENSE beside this one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

use MediaWiki\Auth\AuthManager;
use MediaWiki\Block\DatabaseBlock;
use MediaWiki\Block\Restriction\NamespaceRestriction;
use MediaWiki\Block\Restriction\PageRestriction;
use MediaWiki\MediaWikiServices;
use MediaWiki\Session\SessionManager;

ini_set( 'display_errors', 'stderr' );
require_once ( getenv( 'MW_INSTALL_PATH' ) ?: '/usr/share/mediawiki' ) . '/maintenance/Maintenance.php';

/** What a caller can act upon. Anything else that is thrown ends the request with the code "failed". */
class BridgeRefusal extends Exception {
	/** @var array */
	public $details;

	public function __construct( string $code, string $message, array $details = [] ) {
		parent::__construct( $message );
		$this->details = [ 'code' => $code, 'message' => $message ] + $details;
	}
}

class ConcordatBridge extends Maintenance {
	/** Under these names an account keeps what MediaWiki has no column for. No form of the wiki shows them. */
	private const USER_NAME = 'concordat-username';
	private const EXTERNAL_ID = 'concordat-externalid';
	private const RETIRED = 'concordat-retired';
	private const FORMER_BLOCK = 'concordat-former-block';
	private const REQUEST = 'concordat-request';

	private const WRITES = [ 'create', 'replace', 'delete', 'changeMembers', 'sessions' ];

	/** @var MediaWikiServices */
	private $services;
	/** @var User The account by which everything here is done, and that is named in the logs of the wiki. */
	private $actor;
	/** @var string */
	private $reason = '';
	/** @var int[] Accounts that are not seen here at all. */
	private $hidden = [];
	/** @var bool */
	private $confirmEmail = true;
	/** @var bool Whether a name that a deleted account still has may be taken from it. */
	private $renameRetired = true;

	public function __construct() {
		parent::__construct();
		$this->addDescription( 'Serves users and groups over standard input and output' );
	}

	public function execute() {
		$this->services = MediaWikiServices::getInstance();
		// What a kind of pipe prints, or an extension, is not to be taken for an answer.
		while ( ob_get_level() > 0 ) {
			ob_end_clean();
		}
		while ( ( $line = fgets( STDIN ) ) !== false ) {
			$request = json_decode( $line, true );
			if ( !is_array( $request ) || !isset( $request['id'], $request['op'] ) ) {
				continue;
			}
			$answer = [ 'id' => $request['id'] ] + $this->answer( $request['op'], $request['args'] ?? [] );
			$text = json_encode( $answer, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE );
			fwrite( STDOUT, "\x1e$text\n" );
			fflush( STDOUT );
		}
	}

	private function answer( string $op, array $args ): array {
		$method = 'op' . ucfirst( $op );
		$factory = $this->services->getDBLoadBalancerFactory();
		try {
			if ( !method_exists( $this, $method ) ) {
				throw new BridgeRefusal( 'unsupported', "There is no operation \"$op\"." );
			}
			$readOnly = $this->services->getReadOnlyMode()->getReason();
			if ( $readOnly && in_array( $op, self::WRITES, true ) ) {
				throw new BridgeRefusal( 'unavailable', "The wiki is read-only: $readOnly" );
			}
			// As in a request of the web: all of it is written, or nothing.
			$factory->beginPrimaryChanges( __METHOD__ );
			$result = $this->$method( $args );
			$factory->commitPrimaryChanges( __METHOD__ );
			DeferredUpdates::doUpdates();
			return [ 'result' => $result ];
		} catch ( BridgeRefusal $refusal ) {
			$this->rollBack( $factory );
			return [ 'error' => $refusal->details ];
		} catch ( Throwable $error ) {
			$this->rollBack( $factory );
			// The statement that failed may hold values; its first line says what the database said.
			$message = get_class( $error ) . ': ' . strtok( $this->saidBy( $error ), "\n" );
			return [ 'error' => [ 'code' => $this->isPassing( $error ) ? 'unavailable' : 'failed', 'message' => $message ] ];
		}
	}

	private function saidBy( Throwable $error ): string {
		return $error instanceof Wikimedia\Rdbms\DBQueryError ? $error->error : $error->getMessage();
	}

	/** Whether it is the database that does not do it now, so that it is to be tried again. */
	private function isPassing( Throwable $error ): bool {
		if ( $error instanceof Wikimedia\Rdbms\DBQueryError ) {
			return (bool)preg_match( '/lock|busy|time-?out|gone away|lost connection|read-?only|full/i', $error->error );
		}
		return $error instanceof Wikimedia\Rdbms\DBError;
	}

	/** A process that cannot take back what it began has to end: the one after it begins anew. */
	private function rollBack( $factory ): void {
		try {
			$factory->rollbackPrimaryChanges( __CLASS__ . '::answer' );
			DeferredUpdates::clearPendingUpdates();
		} catch ( Throwable $error ) {
			fwrite( STDERR, get_class( $error ) . ': ' . $error->getMessage() . "\n" );
			exit( 1 );
		}
	}

	/** Is asked first. The account by which things are done is made at the first time. */
	private function opHello( array $args ): array {
		$this->reason = $args['reason'] ?? '';
		$this->confirmEmail = $args['confirmEmail'] ?? true;
		$this->renameRetired = $args['renameRetired'] ?? true;
		$name = $args['actor'] ?? 'Concordat';
		$known = User::newFromName( $name );
		if ( $known && $known->getId() !== 0 && !$known->isSystemUser() ) {
			throw new BridgeRefusal( 'invalid', "\"$name\" is somebody's account: name another one as the actor." );
		}
		$actor = User::newSystemUser( $name );
		if ( !$actor ) {
			throw new BridgeRefusal( 'invalid', "\"$name\" cannot be the name of an account." );
		}
		$this->actor = $actor;
		$this->hidden = [];
		foreach ( $args['hidden'] ?? [] as $hidden ) {
			$user = User::newFromName( $hidden );
			if ( $user && $user->getId() !== 0 ) {
				$this->hidden[] = $user->getId();
			}
		}
		return [
			'version' => MW_VERSION,
			'blockDisablesLogin' => (bool)$this->services->getMainConfig()->get( 'BlockDisablesLogin' ),
			'canRename' => $this->renamer() !== null,
		];
	}

	private function opGet( array $args ): ?array {
		return $this->rows( [ 'user_id' => (int)$args['id'] ] )[0] ?? null;
	}

	/** The account that has this name in the wiki. */
	private function opFind( array $args ): ?array {
		$canonical = $this->services->getUserNameUtils()->getCanonical( $args['name'] );
		if ( $canonical === false || $canonical !== $this->capitalised( $args['name'] ) ) {
			return null;
		}
		return $this->rows( [ 'user_name' => $canonical ] )[0] ?? null;
	}

	private function opList( array $args ): array {
		[ $tables, $conditions, $joins ] = $this->living();
		$total = (int)$this->primary()->selectField( $tables, 'COUNT(*)', $conditions, __METHOD__, [], $joins );
		$options = [ 'ORDER BY' => 'user_id', 'LIMIT' => (int)$args['limit'], 'OFFSET' => (int)$args['offset'] ];
		return [ 'total' => $total, 'users' => (int)$args['limit'] === 0 ? [] : $this->rows( [], $options ) ];
	}

	private function opCreate( array $args ): array {
		$name = $this->creatable( $args['name'] );
		$made = ( $args['again'] ?? false ) ? $this->madeBy( $args['request'], $name ) : null;
		if ( $made !== null ) {
			return $made;
		}
		$this->freeName( $name, 0 );
		$user = User::newFromName( $name );
		// A creation that was refused is kept in mind for the rest of a session, which here is everybody's.
		RequestContext::getMain()->getRequest()->getSession()->remove( 'AuthManager::AutoCreateBlacklist' );
		$status = $this->services->getAuthManager()->autoCreateUser(
			$user, AuthManager::AUTOCREATE_SOURCE_MAINT, false );
		if ( $status->hasMessage( 'usernameinprogress' ) || $status->hasMessage( 'authmanager-autocreate-exception' ) ) {
			throw new BridgeRefusal( 'unavailable', $this->textOf( $status ) );
		}
		if ( !$status->isOK() || $user->getId() === 0 ) {
			throw new BridgeRefusal( 'invalid', $this->textOf( $status ), [ 'attribute' => 'userName' ] );
		}
		if ( $status->hasMessage( 'userexists' ) ) {
			throw new BridgeRefusal( 'taken', "The name \"$name\" is taken.", [ 'holder' => $user->getId() ] );
		}
		return $this->write( $user->getId(), $args );
	}

	/** The account that a request has made before, of which the answer was lost. */
	private function madeBy( string $request, string $name ): ?array {
		$user = User::newFromName( $name );
		$user->load( User::READ_LATEST );
		$options = $this->services->getUserOptionsManager();
		$options->clearUserOptionsCache( $user );
		$isMade = $user->getId() !== 0 && $options->getOption( $user, self::REQUEST ) === $request;
		return $isMade ? $this->opGet( [ 'id' => $user->getId() ] ) : null;
	}

	private function opReplace( array $args ): array {
		$user = $this->existing( $args['id'] );
		$name = $this->creatable( $args['name'], $user );
		if ( $name !== $user->getName() ) {
			$this->freeName( $name, $user->getId() );
			$this->rename( $user, $name );
		}
		return $this->write( $user->getId(), $args );
	}

	/** The account stays, as the author of what it has written; nobody gets into it, and nobody gets it. */
	private function opDelete( array $args ): void {
		if ( ( $args['again'] ?? false ) && $this->opGet( $args ) === null ) {
			return;
		}
		$user = $this->existing( $args['id'] );
		$this->block( $user );
		$groups = $this->services->getUserGroupManager()->getUserGroups( $user, User::READ_LATEST );
		$this->changeGroups( $user, [], $groups );
		$user->setEmail( '' );
		$user->setRealName( '' );
		$user->saveSettings();
		$this->keep( $user, [
			self::USER_NAME => null,
			self::EXTERNAL_ID => null,
			self::FORMER_BLOCK => null,
			self::REQUEST => null,
			self::RETIRED => wfTimestampNow(),
		] );
		$this->endSessions( $user );
	}

	private function opSessions( array $args ): void {
		$user = User::newFromId( (int)$args['id'] );
		if ( $user->load( User::READ_LATEST ) || $user->getId() !== 0 ) {
			$this->endSessions( $user );
		}
	}

	/** The groups that the configuration declares, without those that nobody can be put into. */
	private function opGroups(): array {
		return $this->services->getUserGroupManager()->listAllGroups();
	}

	private function opMembers( array $args ): array {
		$this->declared( $args['group'] );
		return $this->membersOf( $args['group'], [ 'ug_user > ' . (int)( $args['after'] ?? 0 ) ], (int)$args['limit'] );
	}

	private function opWhich( array $args ): array {
		if ( $args['ids'] === [] || !in_array( $args['group'], $this->opGroups(), true ) ) {
			return [];
		}
		return $this->membersOf( $args['group'], [ 'ug_user' => array_map( 'intval', $args['ids'] ) ] );
	}

	private function opGroupsOf( array $args ): array {
		[ $tables, $conditions, $joins ] = $this->living();
		$conditions += [ 'ug_user' => (int)$args['id'], 'ug_group' => $this->opGroups() ];
		$conditions[] = $this->unexpired();
		return $this->primary()->selectFieldValues( [ 'user_groups', ...$tables ], 'ug_group', $conditions, __METHOD__,
			[ 'ORDER BY' => 'ug_group' ], $joins + [ 'user' => [ 'JOIN', 'user_id = ug_user' ] ] );
	}

	private function opChangeMembers( array $args ): void {
		$group = $args['group'];
		$this->declared( $group );
		$adding = [];
		foreach ( $args['add'] as $id ) {
			if ( $this->opGet( [ 'id' => $id ] ) === null ) {
				throw new BridgeRefusal( 'invalid', "There is no user \"$id\".", [ 'attribute' => 'members' ] );
			}
			$adding[(int)$id] = true;
		}
		$removed = ( $args['clear'] ?? false )
			? $this->membersOf( $group )
			: $this->opWhich( [ 'group' => $group, 'ids' => $args['remove'] ] );
		foreach ( $removed as $id ) {
			// Whoever is removed and added stays.
			if ( !isset( $adding[$id] ) ) {
				$this->changeGroups( $this->existing( $id ), [], [ $group ] );
			}
		}
		foreach ( array_keys( $adding ) as $id ) {
			$this->changeGroups( $this->existing( $id ), [ $group ], [] );
		}
	}

	private function write( int $id, array $args ): array {
		$user = $this->existing( $id );
		$email = $args['email'] ?? '';
		if ( strlen( $email ) > 255 || preg_match( '/[\x00-\x1f\x7f]/', $email ) ) {
			throw new BridgeRefusal( 'invalid', 'An address has at most 255 bytes, and no control characters.',
				[ 'attribute' => 'emails.value' ] );
		}
		$realName = $args['realName'] ?? '';
		if ( strlen( $realName ) > 255 ) {
			throw new BridgeRefusal( 'invalid', 'A real name has at most 255 bytes.', [ 'attribute' => 'name.formatted' ] );
		}
		$isChanged = false;
		if ( $user->getEmail() !== $email ) {
			$user->setEmail( $email );
			// The directory is believed, so that the wiki asks nobody to confirm what it says.
			if ( $this->confirmEmail && Sanitizer::validateEmail( $email ) ) {
				$user->setEmailAuthenticationTimestamp( wfTimestampNow() );
			}
			$isChanged = true;
		}
		if ( $user->getRealName() !== $realName ) {
			$user->setRealName( $realName );
			$isChanged = true;
		}
		if ( $isChanged ) {
			$user->saveSettings();
		}
		$this->keep( $user, [
			self::USER_NAME => $args['userName'],
			self::EXTERNAL_ID => $args['externalId'] ?? null,
		] + ( isset( $args['request'] ) ? [ self::REQUEST => $args['request'] ] : [] ) );
		if ( $args['active'] ?? true ) {
			$this->unblock( $user );
		} else {
			$this->block( $user );
		}
		return $this->opGet( [ 'id' => $id ] );
	}

	/** @throws BridgeRefusal it is that of nobody. */
	private function existing( $id ): User {
		if ( $this->opGet( [ 'id' => $id ] ) === null ) {
			throw new BridgeRefusal( 'missing', "There is no user \"$id\"." );
		}
		$user = User::newFromId( (int)$id );
		$user->load( User::READ_EXCLUSIVE );
		return $user;
	}

	/**
	 * The name as MediaWiki has it, where that is what was meant: it drops prefixes such as "User:" by itself, and makes
	 * spaces of underscores.
	 */
	private function creatable( string $name, ?User $owner = null ): string {
		$utils = $this->services->getUserNameUtils();
		$canonical = $utils->getCanonical( $name, $utils::RIGOR_CREATABLE );
		// What somebody has had all along stays, although it could not be made today.
		if ( $canonical === false && $owner !== null && $owner->getName() === $this->capitalised( $name ) ) {
			return $owner->getName();
		}
		if ( $canonical === false || $canonical !== $this->capitalised( $name ) ) {
			throw new BridgeRefusal( 'invalid', "MediaWiki cannot have an account of the name \"$name\".",
				[ 'attribute' => 'userName' ] );
		}
		return $canonical;
	}

	private function capitalised( string $name ): string {
		return $this->services->getContentLanguage()->ucfirst( $name );
	}

	/** Makes sure that nobody else has the name. One who was deleted gives it up. */
	private function freeName( string $name, int $own ): void {
		$holder = User::newFromName( $name, false );
		$holder->load( User::READ_LATEST );
		$id = $holder->getId();
		if ( $id === 0 || $id === $own ) {
			return;
		}
		$this->services->getUserOptionsManager()->clearUserOptionsCache( $holder );
		$retired = $this->services->getUserOptionsManager()->getOption( $holder, self::RETIRED );
		if ( $retired && $this->renameRetired ) {
			$this->rename( $holder, $this->creatable( "$name~$id" ) );
			return;
		}
		$isSeen = !$retired && $this->rows( [ 'user_id' => $id ] ) !== [];
		throw new BridgeRefusal( 'taken',
			$retired ? "The name \"$name\" is that of an account that was deleted." : "The name \"$name\" is taken.",
			[ 'attribute' => 'userName' ] + ( $isSeen ? [ 'holder' => $id ] : [] ) );
	}

	private function rename( User $user, string $name ): void {
		$renamer = $this->renamer();
		if ( $renamer === null ) {
			throw new BridgeRefusal( 'unsupported', 'This wiki does not rename: load the extension Renameuser.' );
		}
		$old = $user->getName();
		if ( $this->services->getUserIdentityLookup()->getUserIdentityByName( $name, User::READ_LATEST ) ) {
			throw new BridgeRefusal( 'taken', "The name \"$name\" is taken.", [ 'attribute' => 'userName' ] );
		}
		if ( !$renamer( $old, $name, $user ) ) {
			throw new BridgeRefusal( 'invalid', "MediaWiki does not rename \"$old\" to \"$name\".",
				[ 'attribute' => 'userName' ] );
		}
	}

	/** What renames an account. Only the first was tried here, the others are those of later releases. */
	private function renamer(): ?callable {
		$options = [ 'reason' => $this->reason ];
		foreach ( [ 'MediaWiki\Extension\Renameuser\RenameuserSQL', 'MediaWiki\RenameUser\RenameuserSQL' ] as $class ) {
			if ( class_exists( $class ) ) {
				return function ( $old, $name, $user ) use ( $class, $options ) {
					return ( new $class( $old, $name, $user->getId(), $this->actor, $options ) )->rename();
				};
			}
		}
		if ( $this->services->hasService( 'RenameUserFactory' ) ) {
			return function ( $old, $name, $user ) {
				$factory = $this->services->getService( 'RenameUserFactory' );
				return $factory->newRenameUser( $this->actor, $user, $name, $this->reason )->renameUnsafe()->isOK();
			};
		}
		return null;
	}

	private function blockOf( $user ): ?DatabaseBlock {
		$store = $this->services->getDatabaseBlockStore();
		return method_exists( $store, 'newFromTarget' )
			? $store->newFromTarget( $user, null, true )
			: DatabaseBlock::newFromTarget( $user, null, true );
	}

	private function isOurs( ?DatabaseBlock $block ): bool {
		return $block !== null && $block->getByName() === $this->actor->getName();
	}

	/** Keeps somebody out. There is one block for an account, so that one of somebody else's is kept, and comes back. */
	private function block( User $user ): void {
		$block = $this->blockOf( $user );
		if ( $this->isOurs( $block ) ) {
			return;
		}
		if ( $block !== null ) {
			$this->keep( $user, [ self::FORMER_BLOCK => json_encode( [
				'by' => $block->getByName(),
				'expiry' => $block->getExpiry(),
				'reason' => $block->getReasonComment()->text,
				'options' => [
					'isCreateAccountBlocked' => $block->isCreateAccountBlocked(),
					'isEmailBlocked' => $block->isEmailBlocked(),
					'isHardBlock' => $block->isHardblock(),
					'isAutoblocking' => $block->isAutoblocking(),
					'isUserTalkEditBlocked' => !$block->isUsertalkEditAllowed(),
					'isHideUser' => $block->getHideName(),
					'isPartial' => !$block->isSitewide(),
				],
				'restrictions' => array_map( static function ( $one ) {
					return [ $one->getType(), $one->getValue() ];
				}, $block->getRestrictions() ),
			] ) ] );
		}
		$options = [
			'isCreateAccountBlocked' => true,
			'isEmailBlocked' => true,
			'isHardBlock' => true,
			// It would block whoever has the address that the person had last.
			'isAutoblocking' => false,
			'isUserTalkEditBlocked' => true,
		];
		$this->place( $user, $this->actor, 'infinity', $this->reason, $options, [] );
	}

	private function unblock( User $user ): void {
		if ( !$this->isOurs( $this->blockOf( $user ) ) ) {
			return;
		}
		$status = $this->services->getUnblockUserFactory()
			->newUnblockUser( $user, $this->actor, $this->reason )->unblockUnsafe();
		$this->demand( $status );
		$options = $this->services->getUserOptionsManager();
		$former = json_decode( $options->getOption( $user, self::FORMER_BLOCK ) ?? '', true );
		if ( !is_array( $former ) ) {
			return;
		}
		$this->keep( $user, [ self::FORMER_BLOCK => null ] );
		if ( !wfIsInfinity( $former['expiry'] ) && wfTimestamp( TS_MW, $former['expiry'] ) <= wfTimestampNow() ) {
			return;
		}
		$by = User::newFromName( $former['by'] );
		$restrictions = array_map( static function ( array $one ) {
			return $one[0] === PageRestriction::TYPE
				? new PageRestriction( 0, $one[1] )
				: new NamespaceRestriction( 0, $one[1] );
		}, array_filter( $former['restrictions'], static function ( array $one ) {
			return in_array( $one[0], [ PageRestriction::TYPE, NamespaceRestriction::TYPE ], true );
		} ) );
		$this->place( $user, $by && $by->getId() !== 0 ? $by : $this->actor,
			$former['expiry'], $former['reason'], $former['options'], array_values( $restrictions ) );
	}

	private function place( User $user, User $by, string $expiry, string $reason, array $options, array $restrictions ): void {
		$status = $this->services->getBlockUserFactory()
			->newBlockUser( $user, $by, $expiry, $reason, $options, $restrictions )->placeBlockUnsafe( true );
		if ( !$status->hasMessage( 'ipb_already_blocked' ) ) {
			$this->demand( $status );
		}
	}

	private function demand( $status ): void {
		if ( !$status->isOK() ) {
			throw new BridgeRefusal( 'failed', $this->textOf( $status ) );
		}
	}

	private function textOf( $status ): string {
		return trim( preg_replace( '/\s+/', ' ', Status::wrap( $status )->getWikiText( false, false, 'en' ) ) );
	}

	/** Changes somebody's groups, and has it in the log of rights as if it were done on the page for it. */
	private function changeGroups( User $user, array $add, array $remove ): void {
		$manager = $this->services->getUserGroupManager();
		$manager->clearCache( $user );
		$before = $manager->getUserGroupMemberships( $user, User::READ_LATEST );
		foreach ( $remove as $group ) {
			if ( isset( $before[$group] ) && !$manager->removeUserFromGroup( $user, $group ) ) {
				throw new BridgeRefusal( 'failed', "The wiki does not take {$user->getName()} out of \"$group\"." );
			}
		}
		foreach ( $add as $group ) {
			$isMember = isset( $before[$group] ) && $before[$group]->getExpiry() === null;
			if ( !$isMember && !$manager->addUserToGroup( $user, $group, null, true ) ) {
				throw new BridgeRefusal( 'failed', "The wiki does not put {$user->getName()} into \"$group\"." );
			}
		}
		$after = $manager->getUserGroupMemberships( $user, User::READ_LATEST );
		$expiries = static function ( array $memberships ) {
			return array_map( static function ( $one ) {
				return [ 'expiry' => $one->getExpiry() ];
			}, array_values( $memberships ) );
		};
		if ( array_keys( $before ) === array_keys( $after ) && $expiries( $before ) === $expiries( $after ) ) {
			return;
		}
		$user->invalidateCache();
		$added = array_keys( array_diff_key( $after, $before ) );
		$removed = array_keys( array_diff_key( $before, $after ) );
		$this->getHookRunner()->onUserGroupsChanged( $user, $added, $removed, $this->actor, $this->reason, $before, $after );
		$entry = new ManualLogEntry( 'rights', 'rights' );
		$entry->setPerformer( $this->actor );
		$entry->setTarget( $user->getUserPage() );
		$entry->setComment( $this->reason );
		$entry->setParameters( [
			'4::oldgroups' => array_keys( $before ),
			'5::newgroups' => array_keys( $after ),
			'oldmetadata' => $expiries( $before ),
			'newmetadata' => $expiries( $after ),
		] );
		$entry->publish( $entry->insert() );
	}

	private function endSessions( User $user ): void {
		BotPassword::invalidateAllPasswordsForUser( $user->getName() );
		// It also gives the account another token, without which no cookie of before is worth anything.
		SessionManager::singleton()->invalidateSessionsForUser( $user );
	}

	private function keep( User $user, array $values ): void {
		$options = $this->services->getUserOptionsManager();
		$options->clearUserOptionsCache( $user );
		$isChanged = false;
		foreach ( $values as $name => $value ) {
			if ( $options->getOption( $user, $name ) !== $value ) {
				$options->setOption( $user, $name, $value );
				$isChanged = true;
			}
		}
		if ( $isChanged ) {
			$options->saveOptions( $user );
		}
	}

	/** @throws BridgeRefusal the configuration does not declare the group. */
	private function declared( string $group ): void {
		if ( !in_array( $group, $this->opGroups(), true ) ) {
			throw new BridgeRefusal( 'missing', "\$wgGroupPermissions declares no group \"$group\"." );
		}
	}

	private function membersOf( string $group, array $more = [], int $limit = 0 ): array {
		[ $tables, $conditions, $joins ] = $this->living();
		$found = $this->primary()->selectFieldValues(
			[ 'user_groups', ...$tables ],
			'ug_user',
			array_merge( $conditions, $more, [ 'ug_group' => $group, $this->unexpired() ] ),
			__METHOD__,
			[ 'ORDER BY' => 'ug_user' ] + ( $limit > 0 ? [ 'LIMIT' => $limit ] : [] ),
			$joins + [ 'user' => [ 'JOIN', 'user_id = ug_user' ] ]
		);
		return array_map( 'intval', $found );
	}

	private function unexpired(): string {
		$db = $this->primary();
		return 'ug_expiry IS NULL OR ug_expiry >= ' . $db->addQuotes( $db->timestamp() );
	}

	/** The accounts that are seen: of people, and of nobody who was deleted. */
	private function living(): array {
		// MariaDB fills up the token of the wiki's own accounts with zeros (binary(32)).
		$db = $this->primary();
		$ofPeople = 'user_token NOT ' . $db->buildLike( User::INVALID_TOKEN, $db->anyString() );
		$conditions = [ 'gone.up_user' => null, $ofPeople ];
		if ( $this->hidden !== [] ) {
			$conditions[] = 'user_id NOT IN (' . $db->makeList( $this->hidden ) . ')';
		}
		return [
			[ 'user', 'gone' => 'user_properties' ],
			$conditions,
			[ 'gone' => [ 'LEFT JOIN', [ 'gone.up_user = user_id', 'gone.up_property' => self::RETIRED ] ] ],
		];
	}

	private function rows( array $conditions, array $options = [] ): array {
		[ $tables, $living, $joins ] = $this->living();
		$own = [ 'LEFT JOIN', [ 'own.up_user = user_id', 'own.up_property' => self::USER_NAME ] ];
		$external = [ 'LEFT JOIN', [ 'ext.up_user = user_id', 'ext.up_property' => self::EXTERNAL_ID ] ];
		$rows = $this->primary()->select(
			$tables + [ 'own' => 'user_properties', 'ext' => 'user_properties' ],
			[ 'user_id', 'user_name', 'user_real_name', 'user_email', 'user_registration',
				'own_name' => 'own.up_value', 'external_id' => 'ext.up_value' ],
			array_merge( $living, $conditions ),
			__METHOD__,
			$options,
			$joins + [ 'own' => $own, 'ext' => $external ]
		);
		$users = [];
		foreach ( $rows as $row ) {
			$identity = new MediaWiki\User\UserIdentityValue( (int)$row->user_id, $row->user_name );
			$users[] = [
				'id' => (int)$row->user_id,
				'name' => $row->user_name,
				'userName' => $row->own_name,
				'externalId' => $row->external_id,
				'realName' => (string)$row->user_real_name,
				'email' => (string)$row->user_email,
				'active' => !$this->isOurs( $this->blockOf( $identity ) ),
				'created' => wfTimestampOrNull( TS_ISO_8601, $row->user_registration ),
			];
		}
		return $users;
	}

	private function primary() {
		return $this->services->getDBLoadBalancer()->getConnectionRef( DB_PRIMARY );
	}
}

$maintClass = ConcordatBridge::class;
require_once RUN_MAINTENANCE_IF_MAIN;
