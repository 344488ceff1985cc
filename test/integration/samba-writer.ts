import type { Change, ChangeStream } from "concordat/changes";
import { activeDirectory, type WatchOptions, watchDirectory } from "concordat/ldap";
import { Attribute, type Client, Change as Modification } from "ldapts";
import { changesOf, type Watching } from "../ldap/watching.js";
import type { Samba } from "./samba.js";

/** An administrator of a domain, who changes it through one controller. */
export class SambaWriter implements AsyncDisposable {
  readonly #samba: Samba;
  #serial = 0;
  client: Client;

  private constructor(samba: Samba, client: Client) {
    this.#samba = samba;
    this.client = client;
  }

  static async of(samba: Samba): Promise<SambaWriter> {
    return new SambaWriter(samba, await samba.client());
  }

  /** After the controller was started again. */
  async reconnect(): Promise<void> {
    this.client = await this.#samba.client();
  }

  /** A unit of its own for each test, so that none sees what another does. */
  async unit(parent: string = this.#samba.suffix): Promise<string> {
    this.#serial += 1;
    const dn = `OU=unit${this.#serial},${parent}`;
    await this.client.add(dn, { objectClass: "organizationalUnit" });
    return dn;
  }

  async addUser(name: string, parent: string): Promise<string> {
    const dn = `CN=${name},${parent}`;
    const userAccountControl = "544";
    const account = { objectClass: "user", sAMAccountName: name, userAccountControl };
    await this.client.add(dn, account);
    return dn;
  }

  async addGroup(name: string, parent: string, member: readonly string[] = []): Promise<string> {
    const dn = `CN=${name},${parent}`;
    const members = member.length === 0 ? {} : { member: [...member] };
    await this.client.add(dn, { objectClass: "group", sAMAccountName: name, ...members });
    return dn;
  }

  async modify(
    dn: string,
    operation: "add" | "delete" | "replace",
    type: string,
    ...values: string[]
  ): Promise<void> {
    const modification = new Attribute({ type, values });
    await this.client.modify(dn, new Modification({ operation, modification }));
  }

  /** The permanent id of an entry. */
  async idOf(dn: string): Promise<string> {
    const { searchEntries } = await this.client.search(dn, {
      scope: "base",
      attributes: ["objectGUID"],
    });
    const guid = Buffer.from(searchEntries[0]?.["objectGUID"] as Buffer);
    guid.subarray(0, 4).reverse();
    guid.subarray(4, 6).reverse();
    guid.subarray(6, 8).reverse();
    return guid.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.unbind();
  }
}

/** The options by which a domain is followed as an account that sees what was deleted. */
export function sambaOptions(
  { url, reader }: Samba,
  base: WatchOptions["base"],
  options: Partial<WatchOptions> = {},
): WatchOptions {
  return {
    url,
    base,
    allowCleartext: true,
    bind: { method: "simple", ...reader },
    profile: activeDirectory,
    reconnect: false,
    ...options,
  };
}

export function watchSamba(...given: Parameters<typeof sambaOptions>): ChangeStream {
  return watchDirectory(sambaOptions(...given));
}

/** Reads until there is a change of this kind of an entry. */
export async function changeOf(
  watching: Watching,
  id: string,
  kind: Change["kind"] = "upsert",
): Promise<Change | undefined> {
  const isWanted = (change: Change) =>
    change.kind === kind && "sourceId" in change && change.sourceId === id;
  const batches = await watching.until(({ changes }) => changes.some(isWanted));
  return changesOf(batches).find(isWanted);
}
