import type { Name } from "../../changes/index.js";
import type { Membership } from "../group-repository.js";
import {
  type Grant,
  MembershipRepository,
  type Reference,
  type SourceGrant,
} from "../membership-repository.js";
import { frozenCopy } from "./frozen.js";
import { composite, Table, take } from "./table.js";
import { TransactionScope } from "./transaction-scope.js";

interface ReferenceRow {
  readonly source: string;
  readonly reference: Reference;
}

interface GrantRow {
  readonly source: string;
  readonly grant: Grant;
}

/** References and grants, with an index for each question that is asked of them. */
class MembershipTables {
  readonly references: Table<ReferenceRow, "group" | "name" | "target"> = new Table(
    ({ source, reference }) => referenceKey(source, reference),
    {
      group: ({ source, reference }) => [composite(source, reference.group)],
      name: ({ source, reference }) => [composite(source, reference.kind, reference.key)],
      target: ({ source, reference: { target } }) =>
        target === undefined ? [] : [composite(source, target)],
    },
  );
  readonly grants: Table<GrantRow, "group" | "member" | "membership" | "notHeld"> = new Table(
    ({ source, grant }) => grantKey(source, grant),
    {
      group: ({ source, grant }) => [composite(source, grant.group)],
      member: ({ source, grant }) => [composite(source, grant.member)],
      membership: ({ grant }) => [composite(grant.group, grant.member)],
      notHeld: ({ source, grant }) => (grant.held ? [] : [composite(source)]),
    },
  );
}

function referenceKey(source: string, { group, kind, key }: Reference): string {
  return composite(source, group, kind, key);
}

function grantKey(source: string, { group, member }: Membership): string {
  return composite(source, group, member);
}

/** References and grants, in memory. */
export class InMemoryMembershipRepository extends MembershipRepository {
  readonly #scope: TransactionScope;
  readonly #tables: MembershipTables;

  constructor();
  /** @internal */
  constructor(scope: TransactionScope, tables?: MembershipTables);
  constructor(
    scope: TransactionScope = new TransactionScope(),
    tables: MembershipTables = new MembershipTables(),
  ) {
    super();
    this.#scope = scope;
    this.#tables = tables;
  }

  /** The same store, bound to a transaction. @internal */
  in(scope: TransactionScope): InMemoryMembershipRepository {
    return new InMemoryMembershipRepository(scope, this.#tables);
  }

  override references(
    source: string,
    group: string,
    page: { readonly after?: Name; readonly count: number },
  ): Promise<readonly Reference[]> {
    return this.#scope.run(() => {
      const after = page.after && referenceKey(source, { group, ...page.after });
      const rows = this.#tables.references.rows("group", composite(source, group), after);
      return take(rows, page.count).map((row) => row.reference);
    });
  }

  override saveReferences(source: string, references: readonly Reference[]): Promise<void> {
    return this.#scope.run((journal) => {
      for (const reference of references) {
        this.#tables.references.put(journal, { source, reference: frozenCopy(reference) });
      }
    });
  }

  override removeReferences(source: string, references: readonly Reference[]): Promise<void> {
    return this.#scope.run((journal) => {
      for (const reference of references) {
        this.#tables.references.delete(journal, referenceKey(source, reference));
      }
    });
  }

  override referencesBy(source: string, names: readonly Name[]): Promise<readonly Reference[]> {
    return this.#scope.run(() =>
      this.#referencesIn(
        "name",
        names.map((name) => composite(source, name.kind, name.key)),
      ),
    );
  }

  override referencesTo(source: string, targets: readonly string[]): Promise<readonly Reference[]> {
    return this.#scope.run(() =>
      this.#referencesIn(
        "target",
        targets.map((target) => composite(source, target)),
      ),
    );
  }

  override grantsTo(source: string, members: readonly string[]): Promise<readonly Grant[]> {
    return this.#scope.run(() =>
      this.#grantsIn(
        "member",
        members.map((member) => composite(source, member)),
      ).map((row) => row.grant),
    );
  }

  override grantsIn(
    source: string,
    group: string,
    page: { readonly after?: string; readonly count: number },
  ): Promise<readonly Grant[]> {
    return this.#scope.run(() => {
      const after =
        page.after === undefined ? undefined : grantKey(source, { group, member: page.after });
      const rows = this.#tables.grants.rows("group", composite(source, group), after);
      return take(rows, page.count).map((row) => row.grant);
    });
  }

  override grantsNotHeld(source: string, count: number): Promise<readonly Grant[]> {
    return this.#scope.run(() =>
      take(this.#tables.grants.rows("notHeld", composite(source)), count).map((row) => row.grant),
    );
  }

  override grantsOf(memberships: readonly Membership[]): Promise<readonly SourceGrant[]> {
    return this.#scope.run(() =>
      this.#grantsIn(
        "membership",
        memberships.map(({ group, member }) => composite(group, member)),
      ).map(({ source, grant }) => ({ ...grant, source })),
    );
  }

  override saveGrants(source: string, grants: readonly Grant[]): Promise<void> {
    return this.#scope.run((journal) => {
      for (const grant of grants) {
        this.#tables.grants.put(journal, { source, grant: frozenCopy(grant) });
      }
    });
  }

  override removeGrants(source: string, memberships: readonly Membership[]): Promise<void> {
    return this.#scope.run((journal) => {
      for (const membership of memberships) {
        this.#tables.grants.delete(journal, grantKey(source, membership));
      }
    });
  }

  /** What is asked for twice is returned once. */
  #referencesIn(index: "name" | "target", buckets: readonly string[]): Reference[] {
    return [...new Set(buckets)].flatMap((bucket) =>
      Array.from(this.#tables.references.rows(index, bucket), (row) => row.reference),
    );
  }

  #grantsIn(index: "member" | "membership", buckets: readonly string[]): GrantRow[] {
    return [...new Set(buckets)].flatMap((bucket) => [...this.#tables.grants.rows(index, bucket)]);
  }
}
