import { connect, type LdapConnection, LdapResultError, type SearchMessage } from "concordat/ldap";
import { startDirectory } from "concordat/testing/directory";
import { Client } from "ldapts";
import { expect, test } from "vitest";
import {
  readSyncDone,
  readSyncInfo,
  readSyncState,
  syncInfoOid,
  syncRequest,
} from "../../src/ldap/wire/sync-messages.js";
import { change } from "./following.js";
import { describeWithNsSlapd, startNsSlapd } from "./ns-slapd.js";

interface Target {
  readonly url: string;
  readonly adminDn: string;
  readonly password: string;
}

const suffix = "dc=example,dc=com";
const people = `ou=people,${suffix}`;
const elsewhere = `ou=groups,${suffix}`;
const attributes = ["uid", "title", "nsAccountLock", "nsUniqueId"];

/** What a server says, line by line; ids are numbered as they come, and of cookies the number is left. */
class Recording {
  readonly lines: string[] = [];
  readonly #ids = new Map<string, number>();
  /** The cookie that came last. */
  cookie = "";

  note(message: SearchMessage): void {
    switch (message.kind) {
      case "entry": {
        const { state, id, cookie } = readSyncState(message.controls);
        const values = message.attributes
          .filter(({ type }) => type.toLowerCase() !== "nsuniqueid")
          .map(
            ({ type, values }) => `${type.toLowerCase()}=${values.map(String).sort().join("|")}`,
          );
        const [own] = message.attributes
          .filter(({ type }) => type.toLowerCase() === "nsuniqueid")
          .map(({ values: [value] }) => String(value).replaceAll("-", ""));
        if (own !== undefined) expect(own).toBe(id.replaceAll("-", ""));
        const text = [state, this.#id(id), message.dn, this.#cookie(cookie), ...values.sort()];
        this.lines.push(text.join(" "));
        return;
      }
      case "intermediate": {
        if (message.oid !== syncInfoOid || message.value === undefined) return;
        const info = readSyncInfo(message.value);
        const ids = info.kind === "idSet" ? info.ids.map((id) => this.#id(id)).sort() : [];
        const deletes = "refreshDeletes" in info ? String(info.refreshDeletes) : "";
        this.lines.push([info.kind, deletes, ...ids, this.#cookie(info.cookie)].join(" "));
        return;
      }
      case "done": {
        const { refreshDeletes, cookie } = readSyncDone(message.controls);
        this.lines.push(`done ${refreshDeletes} ${this.#cookie(cookie)}`);
      }
    }
  }

  #id(id: string): string {
    const number = this.#ids.get(id) ?? this.#ids.size + 1;
    this.#ids.set(id, number);
    return `#${number}`;
  }

  #cookie(cookie: Uint8Array | undefined): string {
    if (cookie === undefined) return "-";
    this.cookie = Buffer.from(cookie).toString();
    return `cookie ${/\d+$/.exec(this.cookie)?.[0]}`;
  }
}

function search(
  connection: LdapConnection,
  mode: "refreshOnly" | "refreshAndPersist",
  cookie?: string,
) {
  return connection.search({
    base: people,
    filter: "(&(objectClass=inetOrgPerson)(!(employeeType=left)))",
    attributes,
    controls: [syncRequest(mode, cookie === undefined ? undefined : Buffer.from(cookie))],
  });
}

async function play({ url, adminDn, password }: Target): Promise<readonly string[]> {
  const recording = new Recording();
  const client = new Client({ url });
  await client.bind(adminDn, password);
  const bind = { method: "simple", dn: adminDn, password } as const;
  await using connection = await connect({ url, allowCleartext: true, bind });
  const once = async (cookie?: string): Promise<void> => {
    recording.lines.push(`refreshOnly ${cookie === undefined ? "" : "from a cookie"}`);
    try {
      for await (const messages of search(connection, "refreshOnly", cookie)) {
        for (const message of messages) recording.note(message);
      }
    } catch (error) {
      if (!(error instanceof LdapResultError)) throw error;
      recording.lines.push(`refused with ${error.resultCode}`);
    }
  };
  const add = (uid: string, below = people) =>
    client.add(`uid=${uid},${below}`, {
      objectClass: ["top", "person", "organizationalPerson", "inetOrgPerson"],
      uid,
      cn: uid,
      sn: uid,
    });
  try {
    await once();
    for (const uid of ["ann", "bob", "cid", "dan"]) await add(uid);
    await once();
    const first = recording.cookie;
    const live = search(connection, "refreshAndPersist")[Symbol.asyncIterator]();
    /** Reads up to a line that begins so. */
    const until = async (beginning: string): Promise<void> => {
      recording.lines.push(`refreshAndPersist until ${beginning}`);
      for (;;) {
        const { value, done } = await live.next();
        if (done === true) throw new Error("The search has ended.");
        for (const message of value) recording.note(message);
        if (recording.lines.at(-1)?.startsWith(beginning) === true) return;
      }
    };
    await until("refreshDelete");
    await change(client, `uid=ann,${people}`, "replace", "title", "chief");
    await until("modify");
    await change(client, `uid=ann,${people}`, "replace", "nsAccountLock", "true");
    await until("modify");
    await client.modifyDN(`uid=bob,${people}`, `uid=bea,${people}`);
    await until("modify");
    await change(client, `uid=dan,${people}`, "replace", "employeeType", "left");
    await until("delete");
    await client.del(`uid=cid,${people}`);
    await until("delete");
    await client.modifyDN(`uid=bea,${people}`, `uid=bea,${elsewhere}`);
    await until("delete");
    await client.modifyDN(`uid=bea,${elsewhere}`, `uid=bea,${people}`);
    await until("add");
    await add("eve");
    await until("add");
    await live.return?.();
    await once(first);
    await once(first);
    await once(first.replace(/\d+$/, "1000"));
    await once(first.replace(/\d+$/, "4294967295"));
    await once(first.replace("localhost", "elsewhere"));
    await once("garbage");
    return recording.lines;
  } finally {
    await client.unbind();
  }
}

describeWithNsSlapd("the in-process directory answers as 389 Directory Server does", () => {
  test("with a changelog of everything", async () => {
    await using server = await startNsSlapd();
    await using directory = await startDirectory({ kind: "389ds" });
    const lines = await play(directory);
    expect(lines).toEqual(await play(server));
    expect(lines.length).toBeGreaterThan(30);
  });

  test("with a changelog of something else, as FreeIPA has it", async () => {
    await using server = await startNsSlapd({ changelogOf: [`cn=dns,${suffix}`] });
    await using directory = await startDirectory({ kind: "freeipa" });
    expect(await play(directory)).toEqual(await play(server));
  });
});
