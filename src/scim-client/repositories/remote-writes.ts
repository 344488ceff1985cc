import { TooManyError, UnavailableError } from "../../core/index.js";
import {
  type CallOptions,
  isRefusal,
  type Modification,
  type Write,
  type WriteOptions,
  type WriteResult,
} from "../../repositories/index.js";
import type {
  BulkOperation,
  PatchOperation,
  Resource,
  ResourceRequest,
  ResourceType,
} from "../../scim/index.js";
import type { BulkOptions, BulkResult } from "../bulk/bulk.js";
import { operationOf, roundsOf } from "../bulk/writes.js";
import { publishIgnored } from "../channel.js";
import { formsOf, memberOperations } from "../members/operations.js";
import type { RemoteMembers } from "../members/remote-members.js";
import { isOfForm, isOfMembers } from "../requests/refusals.js";
import { ScimResponseError } from "../requests/response-error.js";
import type { AttributeWriter } from "../writing/attribute-writer.js";
import type { SeenForms } from "../writing/seen-forms.js";
import type { WriteRefusals } from "../writing/write-refusals.js";

/** How one write of several is made that has a way of its own. */
export interface Single<T extends Resource, N> {
  replace(id: string, resource: N, options: WriteOptions): Promise<T>;
}

/** Carries out bulk operations. */
export type CarryOut = (
  operations: readonly BulkOperation[],
  options: BulkOptions,
) => Promise<readonly BulkResult[]>;

/** The store that is written to, and what it reports of single writes. */
export interface WrittenStore<T extends Resource, N extends ResourceRequest> {
  readonly type: ResourceType;
  readonly forms: SeenForms;
  readonly attributes: AttributeWriter<T, N>;
  readonly members: RemoteMembers | undefined;
  readonly refusals: WriteRefusals<T, N>;
  /** What a resource is created with. */
  statedAs(resource: N): N;
  /** What was created without a word of where it is. */
  createdAs(resource: N, options: CallOptions): Promise<T | undefined>;
  createWithReport(
    resource: N,
    options: CallOptions,
  ): Promise<{ readonly created: T; readonly ignored: readonly string[] }>;
  modifyWithReport(
    id: string,
    modification: Modification<T, N>,
    options: WriteOptions,
    isBlind?: boolean,
  ): Promise<readonly string[]>;
  delete(id: string, options: WriteOptions): Promise<void>;
}

/** Makes several writes to a store of remote resources. */
export class RemoteWrites<T extends Resource, N extends ResourceRequest> {
  readonly #store: WrittenStore<T, N>;
  readonly #bulk: CarryOut | undefined;

  /** @param bulk Absent where there are no bulk requests. */
  constructor(store: WrittenStore<T, N>, bulk: CarryOut | undefined) {
    this.#store = store;
    this.#bulk = bulk;
  }

  /**
   * Makes several writes: those that can be bulk operations in bulk requests, and each of the others alone. A form of
   * change that was never seen to work is made alone first.
   */
  async write(
    writes: readonly Write<T, N>[],
    options: CallOptions,
    single: Single<T, N>,
  ): Promise<readonly WriteResult[]> {
    const results: WriteResult[] = [];
    for (const round of roundsOf(writes)) {
      const together = new Map<number, BulkOperation>();
      const mayBeBulk = this.#bulk !== undefined && round.length > 1;
      for (const at of round) {
        const write = writes[at];
        if (write === undefined) continue;
        const operation = mayBeBulk ? this.#operationOf(write, String(at)) : undefined;
        if (operation !== undefined) together.set(at, operation);
        else results[at] = await this.#alone(write, options, single, mayBeBulk);
      }
      await this.#together(writes, together, results, options, single);
    }
    return results;
  }

  async #together(
    writes: readonly Write<T, N>[],
    together: ReadonlyMap<number, BulkOperation>,
    results: WriteResult[],
    options: CallOptions,
    single: Single<T, N>,
  ): Promise<void> {
    const operations = [...together.values()];
    const outcomes =
      this.#bulk === undefined || operations.length < 2
        ? undefined
        : await unlessTooMany(this.#bulk(operations, { ...options, types: [this.#store.type] }));
    for (const [place, at] of [...together.keys()].entries()) {
      const write = writes[at];
      if (write === undefined) continue;
      results[at] =
        outcomes === undefined
          ? await this.#alone(write, options, single)
          : await this.#resultOf(write, outcomes[place], options, single);
    }
  }

  /** A write as a bulk operation; nothing if it has to be made alone, or looked at. */
  #operationOf(write: Write<T, N>, bulkId: string): BulkOperation | undefined {
    const { forms, attributes, type } = this.#store;
    const content: { created?: object; patched?: readonly PatchOperation[] } = {};
    let [kind, keys]: [string, readonly string[]] = [write.kind, [write.kind]];
    if (write.kind === "create") {
      content.created = this.#store.statedAs(write.resource);
      keys = attributes.creationForms(content.created);
    } else if (write.kind === "modify") {
      if ("plan" in write.modification) return undefined;
      const { relations, ...changes } = write.modification;
      if (relations?.members === undefined) {
        content.patched = attributes.blindly(changes);
        [kind, keys] = ["attributes", attributes.formsOf(content.patched)];
      } else {
        const { set = {}, unset = [] } = changes;
        if (Object.keys(set).length > 0 || unset.length > 0) return undefined;
        if (this.#store.members?.writer.isOne(relations.members) !== true) return undefined;
        const { isShared } = this.#store.members.reads;
        content.patched = memberOperations(relations.members, isShared);
        [kind, keys] = ["members", formsOf(relations.members, isShared)];
      }
    }
    const operation = operationOf(type, write, bulkId, content);
    if (operation === undefined || forms.isNew(keys)) return undefined;
    if (!forms.isDue(kind, keys)) return operation;
    forms.request(kind);
    return undefined;
  }

  /** @param isBlind Whether others like it are to follow in a bulk request, if it can be made without a look. */
  async #alone(
    write: Write<T, N>,
    options: CallOptions,
    single: Single<T, N>,
    isBlind = false,
  ): Promise<WriteResult> {
    try {
      switch (write.kind) {
        case "create": {
          const { created, ignored } = await this.#store.createWithReport(write.resource, options);
          return this.#written(created.id, ignored);
        }
        case "modify":
          return this.#written(
            write.id,
            await this.#store.modifyWithReport(write.id, write.modification, options, isBlind),
          );
        case "replace":
          await single.replace(write.id, write.resource, options);
          return this.#written(write.id);
        case "delete":
          await this.#store.delete(write.id, options);
          return this.#written(write.id);
      }
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return { written: false, error };
    }
  }

  async #resultOf(
    write: Write<T, N>,
    outcome: BulkResult | undefined,
    options: CallOptions,
    single: Single<T, N>,
  ): Promise<WriteResult> {
    const own = write.kind === "create" ? undefined : write.id;
    if (outcome?.done === true) {
      const id = own ?? outcome.id ?? (await this.#idOfCreated(write, options));
      if (id !== undefined) {
        return this.#written(
          id,
          write.kind === "create" ? this.#store.attributes.unkeptOf(write.resource) : [],
        );
      }
      const message = "It was created, and the response does not say where.";
      throw new UnavailableError(message, {
        cause: new ScimResponseError(message, outcome.status),
        mayBeDone: true,
      });
    }
    // Alone, it is perhaps done in another form.
    if (write.kind === "modify" && isOpen(write.modification, outcome?.error)) {
      return await this.#alone(write, options, single);
    }
    const error = await this.#store.refusals.of(outcome?.error, statedBy(write), own, options);
    if (!isRefusal(error)) throw error;
    return { written: false, error };
  }

  async #idOfCreated(write: Write<T, N>, options: CallOptions): Promise<string | undefined> {
    if (write.kind !== "create") return undefined;
    return (await this.#store.createdAs(write.resource, options))?.id;
  }

  #written(id: string, ignored: readonly string[] = []): WriteResult {
    publishIgnored(this.#store.type.name, id, ignored);
    return { written: true, id, ...(ignored.length > 0 && { ignored }) };
  }
}

/** Whether a refused change may be made in another form. */
function isOpen<T, N>(modification: Modification<T, N>, error: unknown): boolean {
  const hasMembers = !("plan" in modification) && modification.relations?.members !== undefined;
  return isOfForm(error) || (hasMembers && isOfMembers(error));
}

/** The values that a write gives to attributes. */
function statedBy<T, N extends object>(write: Write<T, N>): object {
  switch (write.kind) {
    case "modify":
      return "plan" in write.modification ? {} : (write.modification.set ?? {});
    case "delete":
      return {};
    default:
      return write.resource;
  }
}

/** What becomes of a bulk request; `undefined` where the writes do not fit into one, and none was made. */
async function unlessTooMany(
  outcomes: Promise<readonly BulkResult[]>,
): Promise<readonly BulkResult[] | undefined> {
  try {
    return await outcomes;
  } catch (error) {
    if (error instanceof TooManyError) return undefined;
    throw error;
  }
}
