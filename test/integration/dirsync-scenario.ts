import { connect, type LdapConnection, textOf } from "concordat/ldap";
import { Attribute, Change, type Client } from "ldapts";
import {
  dirSync,
  dirSyncFlags,
  extendedDn,
  notification,
  pagedResults,
  readDirSyncDone,
  readPagedResults,
  showDeleted,
} from "../../src/ldap/wire/active-directory-controls.js";

/** A domain, real or played. */
export interface ScenarioDomain {
  readonly url: string;
  readonly suffix: string;
  readonly bindDn: string;
  readonly password: string;
  /** Bound as the administrator. */
  readonly client: Client;
}

/** What was seen on the wire after each step. */
export type Transcript = readonly { readonly step: string; readonly seen: readonly string[] }[];

interface Step {
  readonly name: string;
  act(client: Client, at: (rdns: string) => string): Promise<void>;
}

const modify = async (
  client: Client,
  dn: string,
  operation: "add" | "delete" | "replace",
  type: string,
  values: readonly string[],
): Promise<void> => {
  const modification = new Attribute({ type, values: [...values] });
  await client.modify(dn, new Change({ operation, modification }));
};

const user = (name: string) => ({
  objectClass: "user",
  sAMAccountName: name,
  userAccountControl: "544",
});

const steps: readonly Step[] = [
  {
    name: "users and a group are added",
    async act(client, at) {
      for (const name of ["ann", "bob"]) await client.add(at(`CN=${name},OU=here`), user(name));
      await client.add(at("CN=staff,OU=here"), { objectClass: "group", sAMAccountName: "staff" });
    },
  },
  {
    name: "members come",
    act: (client, at) =>
      modify(client, at("CN=staff,OU=here"), "add", "member", [
        at("CN=ann,OU=here"),
        at("CN=bob,OU=here"),
      ]),
  },
  {
    name: "one leaves and an attribute is set",
    async act(client, at) {
      await modify(client, at("CN=staff,OU=here"), "delete", "member", [at("CN=bob,OU=here")]);
      await modify(client, at("CN=bob,OU=here"), "replace", "title", ["Dr"]);
    },
  },
  {
    name: "an attribute is taken away, and one that is not asked for is set",
    async act(client, at) {
      await modify(client, at("CN=bob,OU=here"), "replace", "title", []);
      await modify(client, at("CN=ann,OU=here"), "replace", "info", ["nothing"]);
    },
  },
  {
    name: "an account is disabled, and has a manager",
    async act(client, at) {
      await modify(client, at("CN=ann,OU=here"), "replace", "userAccountControl", ["546"]);
      await modify(client, at("CN=ann,OU=here"), "replace", "manager", [at("CN=bob,OU=here")]);
    },
  },
  {
    name: "a user is renamed",
    act: (client, at) => client.modifyDN(at("CN=ann,OU=here"), at("CN=Ann Lee,OU=here")),
  },
  {
    name: "a user is moved",
    act: (client, at) => client.modifyDN(at("CN=bob,OU=here"), at("CN=bob,OU=there")),
  },
  {
    name: "a unit is renamed with a user in it",
    act: (client, at) => client.modifyDN(at("OU=there"), at("OU=elsewhere")),
  },
  {
    name: "a member is deleted",
    act: (client, at) => client.del(at("CN=Ann Lee,OU=here")),
  },
  {
    name: "a group is deleted",
    act: (client, at) => client.del(at("CN=staff,OU=here")),
  },
];

const told = [
  ...["objectClass", "name", "parentGUID", "isDeleted", "sAMAccountName", "userAccountControl"],
  ...["primaryGroupID", "member", "manager", "title"],
];
const filter = "(|(objectClass=user)(objectClass=group)(objectClass=organizationalUnit))";

/** Does all steps and writes down what DirSync says of each, and how often a notification came. */
export async function playScenario(domain: ScenarioDomain): Promise<Transcript> {
  const { client, suffix, url, bindDn: dn, password } = domain;
  const bind = { method: "simple", dn, password } as const;
  await using connection = await connect({ url, allowCleartext: true, bind });
  const at = (rdns: string) => `${rdns},${suffix}`;
  for (const unit of ["OU=here", "OU=there"]) {
    await client.add(at(unit), { objectClass: "organizationalUnit" });
  }
  let cookie = (await readChanges(connection, suffix, undefined)).cookie;
  const transcript: { step: string; seen: readonly string[] }[] = [];
  for (const { name, act } of steps) {
    await act(client, at);
    const changes = await readChanges(connection, suffix, cookie);
    cookie = changes.cookie;
    transcript.push({ step: name, seen: changes.lines.map((line) => plain(line, suffix)).sort() });
  }
  const page = { base: at("OU=elsewhere"), filter: "(objectClass=*)", attributes: ["name"] };
  transcript.push({
    step: "refusals and pages",
    seen: [
      await resultOf(readChanges(connection, `OU=here,${suffix}`, undefined)),
      await resultOf(readChanges(connection, suffix, Buffer.from("garbage"))),
      await resultOf(
        connection.search({ ...page, filter: "(cn=*)", controls: [notification] }).next(),
      ),
      ...(await readPages(connection, page)),
    ],
  });
  return transcript;
}

async function readChanges(
  connection: LdapConnection,
  base: string,
  cookie: Buffer | undefined,
): Promise<{ readonly lines: readonly string[]; readonly cookie: Buffer }> {
  const flags = dirSyncFlags.objectSecurity | dirSyncFlags.incrementalValues;
  const controls = [dirSync(flags, 1_000_000, cookie), extendedDn];
  const lines: string[] = [];
  let next: Buffer = Buffer.alloc(0);
  for await (const messages of connection.search({ base, filter, attributes: told, controls })) {
    for (const message of messages) {
      if (message.kind === "done") next = readDirSyncDone(message.controls).cookie;
      if (message.kind !== "entry") continue;
      const attributes = message.attributes
        .filter(({ type }) => !/^(?:instanceType|objectGUID)$/i.test(type))
        .map(({ type, values }) => (type === "parentGUID" ? type : `${type}=${sorted(values)}`));
      lines.push([message.dn, ...attributes.sort()].join("; "));
    }
  }
  return { lines, cookie: next };
}

/** By what is named, and not by ids, which are others in each domain. */
function sorted(values: readonly Uint8Array[]): string {
  const texts = values.map((value) => textOf(value).replace(/^<GUID=[^>]*>;/, "<GUID=GUID>;"));
  return texts
    .sort()
    .join("|")
    .replaceAll(/<SID=[^>]*>;/g, "");
}

async function readPages(
  connection: LdapConnection,
  request: { base: string; filter: string; attributes: readonly string[] },
): Promise<readonly string[]> {
  const sizes: string[] = [];
  let cookie: Buffer | undefined;
  do {
    const controls = [pagedResults(1, cookie), showDeleted];
    let found = 0;
    cookie = undefined;
    for await (const messages of connection.search({ ...request, controls })) {
      found += messages.filter(({ kind }) => kind === "entry").length;
      for (const message of messages) {
        if (message.kind === "done") cookie = readPagedResults(message.controls);
      }
    }
    sizes.push(`page of ${found}`);
  } while (cookie !== undefined);
  return sizes.filter((size) => size !== "page of 0");
}

async function resultOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "0";
  } catch (error) {
    return String((error as { resultCode?: number }).resultCode);
  }
}

/** Without what differs from domain to domain. */
function plain(line: string, suffix: string): string {
  return line
    .replaceAll(suffix, "SUFFIX")
    .replaceAll(/<SID=[^>]*>;/g, "")
    .replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/gi, "GUID")
    .replaceAll("\n", "\\0A");
}
