import { isDeepStrictEqual } from "node:util";
import type { Name } from "concordat/changes";
import {
  type Bindings,
  type LinkedEntry,
  type MadeMembership,
  type MembershipDifferences,
  type Reference,
  SettlementStore,
  type StatedGroup,
  type StatedReferences,
  type SyncTarget,
} from "concordat/repositories";
import { ReadingSettlement } from "../../src/sync/memberships/reading-settlement.js";
import type { Target } from "./stores.js";

/** The target, whose settlement is held against what reads all and compares, at everything that it is asked. */
export function withComparedSettlement(target: Target): Target {
  const { transaction, settlement } = target;
  if (settlement === undefined || transaction === undefined) return target;
  return {
    ...target,
    settlement: new ComparedSettlement(settlement, target),
    transaction: (work) =>
      transaction.call(target, (inside) => work(withComparedSettlement(inside as Target))) as never,
  };
}

class ComparedSettlement extends SettlementStore {
  readonly #own: SettlementStore;
  readonly #target: SyncTarget;
  readonly #reading: SettlementStore;

  constructor(own: SettlementStore, target: SyncTarget) {
    super();
    this.#own = own;
    this.#target = target;
    this.#reading = new ReadingSettlement(target, "keep");
  }

  override assertOwn(...[links, memberships]: Parameters<SettlementStore["assertOwn"]>): void {
    this.#own.assertOwn(links, memberships);
  }

  override async bindings(source: string, sourceIds: readonly string[]): Promise<Bindings> {
    const found = await this.#own.bindings(source, sourceIds);
    const { references } = await this.#reading.bindings(source, sourceIds);
    const told = new Set(found.references.map(wordsOf));
    const all = new Set(references.map(wordsOf));
    assertEqual(
      found.references.filter((reference) => !all.has(wordsOf(reference))),
      [],
    );
    for (const reference of references) {
      if (!told.has(wordsOf(reference))) await this.#assertCertain(source, reference);
    }
    return found;
  }

  /** A reference that is left out means the only entry that has the name, which is in the content. */
  async #assertCertain(source: string, reference: Reference): Promise<void> {
    const holders = await this.#target.links.holders(source, [reference]);
    const present = holders.filter(({ state }) => state === "live" || state === "entering");
    const proper = present.filter(({ alias }) => alias !== true);
    assertEqual(
      proper.map(({ sourceId }) => sourceId),
      [reference.target],
    );
  }

  override async differences(
    source: string,
    members: readonly LinkedEntry[],
  ): Promise<MembershipDifferences> {
    const found = await this.#own.differences(source, members);
    const expected = await this.#reading.differences(source, members);
    assertEqual(inWords(found), inWords(expected));
    return found;
  }

  override async confirm(source: string, made: readonly MadeMembership[]): Promise<void> {
    await this.#own.confirm(source, made);
    const members = new Map(made.map(({ membership: { member } }) => [member.sourceId, member]));
    const { missing } = await this.#reading.differences(source, [...members.values()]);
    const confirmed = new Set(made.map(({ membership }) => pairOf(membership)));
    assertEqual(
      missing.filter((one) => confirmed.has(pairOf(one))),
      [],
    );
  }

  override async state(
    source: string,
    groups: readonly StatedGroup[],
    seen: number,
  ): Promise<StatedReferences> {
    const before = await Promise.all(groups.map(({ group }) => this.#storedOf(source, group)));
    const stated = await this.#own.state(source, groups, seen);
    for (const [index, { group, names }] of groups.entries()) {
      const isStored = stated.groups.has(group);
      if (isStored) assertEqual(before[index], []);
      const expected = isStored ? await this.#bound(source, group, names) : before[index];
      assertEqual(await this.#storedOf(source, group), expected);
    }
    return stated;
  }

  async #storedOf(source: string, group: string): Promise<readonly string[]> {
    const stored = await this.#target.memberships.references(source, group, { count: 10_000 });
    return stored.map(wordsOf).sort();
  }

  /** References by these names, each bound to the holder. */
  async #bound(source: string, group: string, names: readonly Name[]): Promise<readonly string[]> {
    const holders = await this.#target.links.holders(source, names);
    const targets = new Map(holders.map(({ kind, key, sourceId }) => [`${kind} ${key}`, sourceId]));
    const references = names.map(({ kind, key }) => ({
      ...{ group, kind, key },
      target: targets.get(`${kind} ${key}`),
    }));
    return [...new Set(references.map(wordsOf))].sort();
  }

  override async *references(source: string, group: string): AsyncGenerator<readonly Reference[]> {
    const expected: Reference[] = [];
    for await (const page of this.#reading.references(source, group)) expected.push(...page);
    const found: Reference[] = [];
    for await (const page of this.#own.references(source, group)) found.push(...page);
    assertEqual(found.map(wordsOf).sort(), expected.map(wordsOf).sort());
    yield found;
  }
}

function inWords({ missing, surplus }: MembershipDifferences): readonly string[] {
  const lacking = missing.map(({ grant, ...pair }) => `missing ${wordsOf({ ...pair, grant })}`);
  return [...lacking, ...surplus.map((grant) => `surplus ${wordsOf(grant)}`)].sort();
}

function pairOf({ group, member }: MadeMembership["membership"]): string {
  return `${group.sourceId} ${member.sourceId}`;
}

function wordsOf(value: object): string {
  return JSON.stringify(value, (_, inside: unknown) =>
    typeof inside === "object" && inside !== null && !Array.isArray(inside)
      ? Object.fromEntries(Object.entries(inside).sort())
      : inside,
  );
}

function assertEqual(found: unknown, expected: unknown): void {
  if (isDeepStrictEqual(found, expected)) return;
  throw new Error(
    `The settlement tells ${JSON.stringify(found)}, and reading ${JSON.stringify(expected)}.`,
  );
}
