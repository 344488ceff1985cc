import {
  createTables,
  KyselyGroupMappingRepository,
  KyselyGroupRepository,
  KyselyIdentityMapRepository,
  KyselyMembershipRepository,
  nodeSqliteDialect,
} from "concordat/kysely";
import { type GroupRepository, type UserRepository, withIdentityMap } from "concordat/repositories";
import { lenientProfile, type ScimProfile } from "concordat/scim";
import {
  bearerTokens,
  createScimServer,
  type Handler,
  mayWriteByDefault,
} from "concordat/scim-server";
import { Kysely } from "kysely";
import { Tryton } from "./client.ts";
import { TrytonGroups } from "./groups.ts";
import { ScimGroups } from "./scim-groups.ts";
import type { Settings } from "./settings.ts";
import { TrytonUsers } from "./users.ts";

/** Options of {@link openProvider}. */
export interface ProviderOptions {
  readonly settings: Settings;
  /** The file, of SQLite, with the ids of users, the identity provider's groups and what they are mapped to. */
  readonly file: string;
  /** Where the identity provider reaches it. */
  readonly baseUrl: string;
  /** The SHA-256 digest of the token that the identity provider has. */
  readonly tokenSha256: string;
  /** What may differ from the RFCs. Default: what any of them sends. */
  readonly profile?: ScimProfile;
}

/** A SCIM service provider in front of a Tryton. */
export interface Provider extends AsyncDisposable {
  readonly handler: Handler;
  readonly users: UserRepository;
  /** The identity provider's groups. */
  readonly groups: ScimGroups;
  /** Tryton's groups. */
  readonly trytonGroups: GroupRepository;
}

/** Opens a SCIM service provider in front of a Tryton. */
export async function openProvider(options: ProviderOptions): Promise<Provider> {
  const { settings, file, baseUrl, tokenSha256, profile = lenientProfile } = options;
  const db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: file }) });
  await createTables(db, { sets: ["identity", "groupMapping", "resources", "sync"] });
  const identities = new KyselyIdentityMapRepository(db);
  const tryton = new Tryton(settings.tryton);
  const ownUsers = new TrytonUsers(tryton, { ...settings.users, declaresPartlyKept: true });
  // A person says which of Tryton's groups are filled: each can be.
  const ownGroups = new TrytonGroups(tryton, { hidden: settings.users.hidden ?? [] });
  const users = withIdentityMap(ownUsers, identities, { groups: ownGroups });
  const trytonGroups = withIdentityMap(ownGroups, identities, { users: ownUsers });
  const groups = new ScimGroups({
    // Their members are users of Tryton, and so in none of these tables.
    stored: new KyselyGroupRepository(db, { users: "elsewhere" }),
    local: trytonGroups,
    mappings: new KyselyGroupMappingRepository(db),
    memberships: new KyselyMembershipRepository(db),
  });
  const takesPasswords = settings.users.passwords === true;
  const handler = createScimServer({
    baseUrl,
    authenticate: bearerTokens([{ sha256: tokenSha256, principal: { id: "identity provider" } }]),
    repositories: () => ({ users, groups }),
    mayWrite: (_principal, path, type) =>
      mayWriteByDefault(path, type) || (takesPasswords && path === "password"),
    profile,
    // What Tryton cannot be asked for in this way is looked for here: `emails[type eq "work"].value`, say.
    limits: { rowsInMemory: 10_000 },
  });
  return {
    handler,
    users,
    groups,
    trytonGroups,
    async [Symbol.asyncDispose]() {
      await db.destroy();
    },
  };
}
