import type { Link } from "../../repositories/index.js";
import type { TableNames } from "../column-map/table-names.js";
import { lists } from "../sql/parameters.js";
import type { Session } from "../sql/session.js";
import { encodeKey } from "../sql/stored-key.js";
import { Entries, unlinked } from "./entries.js";
import { GrantRows } from "./grant-rows.js";
import type { LinkRow } from "./link-rows.js";
import { MembershipRows } from "./membership-rows.js";

type StoredEntry = Pick<
  LinkRow,
  "id" | "source_id" | "type" | "state" | "resource_id" | "whole_texts"
>;

/** What follows for memberships when entries change, so that each row keeps what it says. */
export class EntryChanges {
  readonly #session: Session;
  readonly #tables: TableNames;

  constructor(session: Session, tables: TableNames) {
    this.#session = session;
    this.#tables = tables;
  }

  /**
   * To be called before links are stored. A grant is of a resource, not of an entry: where the entry gets another
   * resource or loses it, the grant stays with the resource. And a reference is bound to an entry by its present name
   * only while that is in the content.
   */
  async before(source: string, links: readonly Link[]): Promise<void> {
    const latest = new Map(links.map((link) => [encodeKey(link.sourceId), link]));
    const loosened: number[] = [];
    const leaving: number[] = [];
    for (const part of lists([...latest.keys()])) {
      const rows = await this.#session.read<StoredEntry>(
        (
          p,
        ) => `select id, source_id, type, state, resource_id, whole_texts from ${this.#tables.link}
          where source = ${p.value(encodeKey(source))} and source_id in ${p.list(part)}`,
      );
      for (const row of rows) {
        const link = latest.get(row.source_id);
        if (link === undefined) continue;
        const { type, resourceId } = link;
        const resource = resourceId === undefined ? null : encodeKey(resourceId);
        const isSame = row.resource_id === resource && row.type === type;
        if (row.resource_id !== null && !isSame) loosened.push(Number(row.id));
        const wasThere = row.state === "live" || row.state === "entering";
        if (wasThere && link.state !== "live" && link.state !== "entering") {
          leaving.push(Number(row.id));
        }
      }
    }
    await this.#loosen(loosened);
    await this.#unbind(leaving);
  }

  /**
   * Forgets the links of entries, of which the names have been taken. What memberships refer to stays, with nothing but
   * its id.
   */
  async forget(source: string, sourceIds: readonly string[]): Promise<void> {
    const { link, membership, reference } = this.#tables;
    const entries = await new Entries(this.#session, this.#tables).find(source, sourceIds);
    const ids = [...entries.values()].map(({ id }) => id);
    await this.#loosen(ids);
    for (const part of lists(ids)) {
      await this.#session.write(
        (p) => `delete from ${link} where id in ${p.list(part)}
          and not exists (select 1 from ${membership} m where m.grp = ${link}.id)
          and not exists (select 1 from ${membership} m where m.member = ${link}.id)
          and not exists (select 1 from ${reference} o where o.grp = ${link}.id)`,
      );
      const rows = await this.#session.read<StoredEntry>(
        (p) => `select id, source_id, type, state, resource_id, whole_texts from ${link}
          where id in ${p.list(part)}`,
      );
      if (rows.length === 0) continue;
      const left = rows.map(({ id }) => id);
      const none = nothingKnown.map((column) => `${column} = null`).join(", ");
      await this.#session.write(
        (
          p,
        ) => `update ${link} set ${none}, type = 'User', state = '${unlinked}', adopted = 0, seen = 0,
          disabled_by_us = 0, unsettled = 0 where id in ${p.list(left)}`,
      );
    }
  }

  async #loosen(ids: readonly number[]): Promise<void> {
    if (ids.length > 0) await new GrantRows(this.#session, this.#tables).loosen(ids);
  }

  async #unbind(ids: readonly number[]): Promise<void> {
    if (ids.length === 0) return;
    const rows = new MembershipRows(this.#session, this.#tables);
    await rows.makeOdd(ids, "dn");
    await rows.makeOdd(ids, "uid");
  }
}

/** The columns of an entry that can be without a value; what its id is read from stays. */
const nothingKnown = [
  "resource_id",
  "name",
  "stamp",
  "gone_stamp",
  "digest",
  "intent_name",
  "intent_key",
  "failure",
  "resource_mark",
  "valued",
] as const satisfies readonly (keyof LinkRow)[];
