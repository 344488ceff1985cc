import { Attribute, Change, type Client } from "ldapts";

const uids = Array.from({ length: 10 }, (_, number) => `person${number}`);

/** The names that groups of a {@link RandomDirectory} may have. */
export const groupNames: readonly string[] = ["editors", "engineers", "builders"];

/** A row of what an application is to be: who can sign in, with the groups. */
export interface PersonRow {
  readonly userName: string | undefined;
  readonly cn: string | undefined;
  readonly email: string | undefined;
  readonly groups: readonly string[];
}

/** Rows in one order, whatever they came in. */
export function inOrder<T>(rows: readonly T[]): readonly T[] {
  return [...rows].sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
}

/** Numbers below a limit, the same for the same seed. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** People and groups who come, change and go. */
export class RandomDirectory {
  readonly #client: Client;
  readonly #suffix: string;
  readonly #random: (below: number) => number;
  readonly #inside = new Set<string>();
  readonly #outside = new Set<string>();
  readonly #groups = new Map<string, Set<string>>();
  readonly #renamesGroups: boolean;
  #count = 0;

  /** @param options.renamesGroups whether groups are renamed, too: not every application can do that. */
  constructor(
    client: Client,
    suffix: string,
    random: (below: number) => number,
    options: { readonly renamesGroups?: boolean } = {},
  ) {
    this.#client = client;
    this.#suffix = suffix;
    this.#random = random;
    this.#renamesGroups = options.renamesGroups ?? false;
  }

  /** Below which everything is that the application is to have. */
  get base(): string {
    return `ou=application,${this.#suffix}`;
  }

  get #people(): string {
    return `ou=people,${this.base}`;
  }

  get #left(): string {
    return `ou=left,${this.#suffix}`;
  }

  async begin(): Promise<void> {
    for (const dn of [this.base, this.#people, `ou=groups,${this.base}`, this.#left]) {
      const ou = /^ou=(\w+)/.exec(dn)?.[1] ?? "";
      await this.#client.add(dn, { objectClass: "organizationalUnit", ou });
    }
  }

  /** Makes one change, whichever is possible. */
  async change(): Promise<void> {
    const changes = [
      ...[this.#add, this.#add, this.#remove, this.#rename, this.#edit, this.#leave],
      ...[this.#comeBack, this.#addGroup, this.#removeGroup, this.#addMember, this.#addMember],
      ...[this.#removeMember, ...(this.#renamesGroups ? [this.#renameGroup] : [])],
    ];
    for (;;) {
      const change = changes[this.#random(changes.length)];
      if (await change?.call(this)) return;
    }
  }

  /** What the application has to be, as the directory says it itself. */
  async expected(): Promise<readonly PersonRow[]> {
    const { searchEntries } = await this.#client.search(this.base, {
      scope: "sub",
      attributes: ["uid", "cn", "mail", "member"],
    });
    const groups = searchEntries.filter(({ dn }) => dn.startsWith("cn="));
    const textOf = (value: unknown) =>
      typeof value === "string" && value !== "" ? value : undefined;
    const people = searchEntries.filter(({ dn }) => dn.startsWith("uid="));
    return inOrder(
      people.map(({ dn, uid, cn, mail }) => ({
        userName: textOf(uid),
        cn: textOf(cn),
        email: textOf(Array.isArray(mail) ? mail[0] : mail),
        groups: groups
          .filter(({ member }) => [member].flat().includes(dn))
          .map((group) => String(group["cn"]))
          .sort(),
      })),
    );
  }

  async #add(): Promise<boolean> {
    const uid = this.#pick(uids.filter((one) => !this.#inside.has(one) && !this.#outside.has(one)));
    if (uid === undefined) return false;
    const cn = `Name ${++this.#count}`;
    await this.#client.add(this.#dnOf(uid), { objectClass: "inetOrgPerson", uid, cn, sn: uid });
    this.#inside.add(uid);
    return true;
  }

  async #remove(): Promise<boolean> {
    const uid = this.#pick([...this.#inside]);
    if (uid === undefined) return false;
    await this.#client.del(this.#dnOf(uid));
    this.#inside.delete(uid);
    return true;
  }

  async #rename(): Promise<boolean> {
    const uid = this.#pick([...this.#inside]);
    const next = this.#pick(uids.filter((one) => !this.#inside.has(one)));
    if (uid === undefined || next === undefined || this.#outside.has(next)) return false;
    await this.#client.modifyDN(this.#dnOf(uid), `uid=${next}`);
    this.#inside.delete(uid);
    this.#inside.add(next);
    return true;
  }

  async #edit(): Promise<boolean> {
    const uid = this.#pick([...this.#inside]);
    if (uid === undefined) return false;
    const number = ++this.#count;
    await this.#modify(this.#dnOf(uid), "replace", "mail", `mail${number}@example.com`);
    await this.#modify(this.#dnOf(uid), "replace", "cn", `Name ${number}`);
    return true;
  }

  async #leave(): Promise<boolean> {
    const uid = this.#pick([...this.#inside]);
    if (uid === undefined) return false;
    await this.#client.modifyDN(this.#dnOf(uid), this.#dnOf(uid, this.#left));
    this.#inside.delete(uid);
    this.#outside.add(uid);
    return true;
  }

  async #comeBack(): Promise<boolean> {
    const uid = this.#pick([...this.#outside]);
    if (uid === undefined) return false;
    await this.#client.modifyDN(this.#dnOf(uid, this.#left), this.#dnOf(uid));
    this.#outside.delete(uid);
    this.#inside.add(uid);
    return true;
  }

  async #addGroup(): Promise<boolean> {
    const cn = this.#pick(groupNames.filter((one) => !this.#groups.has(one)));
    if (cn === undefined) return false;
    const member = `cn=nobody,${this.#suffix}`;
    await this.#client.add(this.#groupDn(cn), { objectClass: "groupOfNames", cn, member });
    this.#groups.set(cn, new Set());
    return true;
  }

  async #removeGroup(): Promise<boolean> {
    const cn = this.#pick([...this.#groups.keys()]);
    if (cn === undefined || this.#random(3) > 0) return false;
    await this.#client.del(this.#groupDn(cn));
    this.#groups.delete(cn);
    return true;
  }

  async #renameGroup(): Promise<boolean> {
    const cn = this.#pick([...this.#groups.keys()]);
    const next = this.#pick(groupNames.filter((one) => !this.#groups.has(one)));
    const members = this.#groups.get(cn ?? "");
    if (cn === undefined || next === undefined || members === undefined) return false;
    await this.#client.modifyDN(this.#groupDn(cn), `cn=${next}`);
    this.#groups.delete(cn);
    this.#groups.set(next, members);
    return true;
  }

  async #addMember(): Promise<boolean> {
    const cn = this.#pick([...this.#groups.keys()]);
    const uid = this.#pick([...this.#inside]);
    if (cn === undefined || uid === undefined) return false;
    return await this.#modify(this.#groupDn(cn), "add", "member", this.#dnOf(uid));
  }

  async #removeMember(): Promise<boolean> {
    const cn = this.#pick([...this.#groups.keys()]);
    const uid = this.#pick([...this.#inside]);
    if (cn === undefined || uid === undefined) return false;
    return await this.#modify(this.#groupDn(cn), "delete", "member", this.#dnOf(uid));
  }

  /** @returns whether it was done; who is a member already is not added again. */
  async #modify(
    dn: string,
    operation: "add" | "delete" | "replace",
    type: string,
    value: string,
  ): Promise<boolean> {
    const modification = new Attribute({ type, values: [value] });
    try {
      await this.#client.modify(dn, new Change({ operation, modification }));
      return true;
    } catch (error) {
      const isThere = /TypeOrValueExists|NoSuchAttribute/.test(
        String(Reflect.get(Object(error), "name")),
      );
      if (isThere) return false;
      throw error;
    }
  }

  #dnOf(uid: string, ou: string = this.#people): string {
    return `uid=${uid},${ou}`;
  }

  #groupDn(cn: string): string {
    return `cn=${cn},ou=groups,${this.base}`;
  }

  #pick(from: readonly string[]): string | undefined {
    return from[this.#random(Math.max(from.length, 1))];
  }
}
