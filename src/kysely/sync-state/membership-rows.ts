import type { TableNames } from "../column-map/table-names.js";
import { batches, lists, narrowRows, tuples } from "../sql/parameters.js";
import type { Session } from "../sql/session.js";
import { allBut, byDn, byUid, oddly } from "./membership-state.js";

/** A membership by the numbers of the entries: the group's and the member's. */
export type Pair = readonly [group: number, member: number];

/** The table of memberships, of which the rows are numbers, and that of the references that do not fit into it. */
export class MembershipRows {
  readonly #session: Session;
  readonly #tables: TableNames;

  constructor(session: Session, tables: TableNames) {
    this.#session = session;
    this.#tables = tables;
  }

  /** Sets bits of states, each pair once, and makes the rows that are not there. */
  async add(rows: readonly (readonly [...Pair, bits: number])[]): Promise<void> {
    // New rows go into the table and into the index by member. In the order of the index both take half as long as in
    // that of the table: the rows of a batch are of some hundred groups, and of many thousand members.
    const inOrder = [...rows].sort((one, other) => one[1] - other[1] || one[0] - other[0]);
    await this.#upsert(inOrder, (stored, given) => `${stored} | ${given}`);
  }

  /** Sets these bits of states, and leaves the others as they are. */
  async put(rows: readonly (readonly [...Pair, bits: number])[], bits: number): Promise<void> {
    // Most of these rows are there, and only the table is written: in its order, so that neighbours are written together.
    const inOrder = [...rows].sort((one, other) => one[0] - other[0] || one[1] - other[1]);
    await this.#upsert(inOrder, (stored, given) => `(${stored} & ${allBut(bits)}) | ${given}`);
  }

  async #upsert(
    rows: readonly (readonly [...Pair, bits: number])[],
    state: (stored: string, given: string) => string,
  ): Promise<void> {
    const { membership } = this.#tables;
    const onConflict = this.#session.dialect.onConflictSet(
      ["grp", "member"],
      membership,
      "state",
      state,
    );
    const head = `insert into ${membership} (grp, member, state)`;
    for (const part of batches(rows, narrowRows)) {
      await this.#session.write((p) => this.#session.insertText(p, head, part, onConflict));
    }
  }

  /** Takes bits from states, and removes the rows in which none is left. */
  async clear(pairs: readonly Pair[], bits: number): Promise<void> {
    for (const part of tuples(this.#session.dialect, pairs)) {
      await this.#session.write(
        (p) => `update ${this.#tables.membership} set state = state & ${allBut(bits)}
          where ${p.among(["grp", "member"], part)}`,
      );
    }
    await this.#prune(pairs);
  }

  /** Looks whether these members are still bound by rows of their own. */
  async recount(pairs: readonly Pair[]): Promise<void> {
    const { membership, reference } = this.#tables;
    for (const part of tuples(this.#session.dialect, pairs)) {
      await this.#session.write(
        (p) => `update ${membership} set state = (state & ${allBut(oddly)})
          | case when exists (select 1 from ${reference} o
            where o.grp = ${membership}.grp and o.target = ${membership}.member) then ${oddly} else 0 end
          where ${p.among(["grp", "member"], part)}`,
      );
    }
    await this.#prune(pairs);
  }

  async #prune(pairs: readonly Pair[]): Promise<void> {
    for (const part of tuples(this.#session.dialect, pairs)) {
      await this.#session.write(
        (p) => `delete from ${this.#tables.membership}
          where state = 0 and ${p.among(["grp", "member"], part)}`,
      );
    }
  }

  /**
   * Puts the references that are bound to these entries by a name of theirs into rows with that name: the entries are
   * about to lose it, to share it, or to leave. Else a reference would follow an entry to its next name.
   */
  async makeOdd(members: readonly number[], kind: "dn" | "uid"): Promise<void> {
    const { link, membership, reference } = this.#tables;
    const bit = kind === "dn" ? byDn : byUid;
    const onConflict = this.#session.dialect.onConflict(["grp", "kind", "name_key"], ["target"]);
    for (const part of lists(members)) {
      const written = await this.#session.write(
        (
          p,
        ) => `insert into ${reference} (grp, kind, name_key, target) select m.grp, '${kind}', l.${kind}, m.member
          from ${membership} m cross join ${link} l
          where m.member in ${p.list(part)} and m.state & ${bit} <> 0 and l.id = m.member
          ${onConflict}`,
      );
      if (written === 0) continue;
      await this.#session.write(
        (p) => `update ${membership} set state = (state & ${allBut(bit)}) | ${oddly}
          where member in ${p.list(part)} and state & ${bit} <> 0`,
      );
    }
  }
}
