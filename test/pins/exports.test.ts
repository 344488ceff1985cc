import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

/**
 * What users import by name. Adding a line is a new feature, and taking one away breaks somebody: see the CHANGELOG.
 */
const entries: Readonly<Record<string, readonly string[]>> = {
  ".": [
    "ConcordatError",
    "InvalidValueError",
    "MutabilityError",
    "NotFoundError",
    "TooManyError",
    "UnavailableError",
    "UniquenessError",
    "UnsupportedError",
    "VersionConflictError",
  ],
  "./scim": [
    "commonAttributes",
    "defineResourceType",
    "defineSchema",
    "enterpriseUserDefinition",
    "enterpriseUserId",
    "enterpriseUserSchema",
    "findAttribute",
    "groupDefinition",
    "groupResourceType",
    "groupSchema",
    "schemaDocument",
    "userDefinition",
    "userResourceType",
    "userSchema",
  ],
  "./repositories": [
    "CheckpointRepository",
    "GroupRepository",
    "InMemoryCheckpointRepository",
    "InMemoryGroupRepository",
    "InMemoryLinkRepository",
    "InMemoryMembershipRepository",
    "InMemoryNonceRepository",
    "InMemoryUserRepository",
    "LinkRepository",
    "MembershipRepository",
    "NonceRepository",
    "ResourceRepository",
    "UserRepository",
    "applyChangeSet",
    "changeSetFor",
    "endSessions",
    "inMemoryTarget",
    "isRefusal",
  ],
  "./changes": ["InvalidRecordingError", "recordChanges", "replayChanges"],
  "./ldap": [
    "DnNormalizer",
    "LdapCleartextError",
    "LdapConnectError",
    "LdapConnectionClosedError",
    "LdapConnectionLostError",
    "LdapCredentialsError",
    "LdapDisconnectedError",
    "LdapError",
    "LdapFilterError",
    "LdapMappingError",
    "LdapMessageTooLargeError",
    "LdapProtocolError",
    "LdapResultError",
    "LdapTlsError",
    "connect",
    "escapeFilterValue",
    "firstTextOf",
    "inetOrgPerson",
    "mergeCookies",
    "normalizeDn",
    "parseCookie",
    "parseDn",
    "printCookie",
    "profile",
    "readSyncDone",
    "readSyncInfo",
    "readSyncState",
    "rfc2307",
    "rfc2307bis",
    "syncDoneOid",
    "syncInfoOid",
    "syncRequest",
    "syncRequestOid",
    "syncStateOid",
    "textOf",
    "textsOf",
    "valuesOf",
    "watchChannelName",
    "watchDirectory",
  ],
  "./sync": ["StreamTakenError", "refusedChanges", "synchronize"],
  "./kysely": [
    "KyselyCheckpointRepository",
    "KyselyGroupRepository",
    "KyselyLinkRepository",
    "KyselyMembershipRepository",
    "KyselyNonceRepository",
    "KyselyUserRepository",
    "createTables",
    "dropTables",
    "joinTransaction",
    "kyselyTarget",
    "nodeSqliteDialect",
  ],
  "./testing": [
    "checkpointRepositoryContract",
    "groupRepositoryContract",
    "linkRepositoryContract",
    "membershipRepositoryContract",
    "nonceRepositoryContract",
    "syncTargetContract",
    "userRepositoryContract",
  ],
  "./testing/directory": ["DirectoryError", "ResultCode", "startDirectory"],
};

describe("the names that users import", () => {
  test("are under these entries", () => {
    const manifest: { exports: Record<string, unknown> } = JSON.parse(
      readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
    );
    expect(Object.keys(manifest.exports)).toEqual([...Object.keys(entries), "./package.json"]);
  });

  test.each(Object.keys(entries))("%s", async (entry) => {
    const module: object = await import(`concordat${entry.slice(1)}`);
    expect(Object.keys(module).sort()).toEqual(entries[entry]);
  });
});
