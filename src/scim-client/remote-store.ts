import {
  TooManyError,
  Turns,
  UnavailableError,
  UniquenessError,
  UnsupportedError,
  VersionConflictError,
} from "../core/index.js";
import {
  answersFilter,
  type CallOptions,
  type Capabilities,
  type ChangeSet,
  isRefusal,
  type MembersChange,
  type Modification,
  type ReadOptions,
  type Write,
  type WriteOptions,
  type WriteResult,
} from "../repositories/index.js";
import {
  type BulkOperation,
  bindFilter,
  eq,
  type Group,
  type NewGroup,
  type PatchOperation,
  type Resource,
  type ResourceRequest,
  type ResourceType,
  uniqueAttributes,
} from "../scim/index.js";
import { AttributeWriter } from "./attribute-writer.js";
import type { BulkOptions, BulkOutcome } from "./bulk.js";
import { operationOf, roundsOf } from "./bulk-writes.js";
import { publishIgnored } from "./channel.js";
import { formsOf, memberOperations } from "./member-operations.js";
import type { MemberReads } from "./member-reads.js";
import type { MemberWriter } from "./member-writer.js";
import { isNothing, namedMembersOf, typed } from "./members.js";
import type { ProviderBehaviour } from "./provider-preset.js";
import { asRefusal, isOfForm, statusOf } from "./refusals.js";
import { RemoteReads } from "./remote-reads.js";
import type { ScimResources } from "./resources.js";
import { ScimResponseError } from "./response-error.js";
import { SeenForms } from "./seen-forms.js";

/** How often a change is computed again because another writer came between. */
const mostAttempts = 10;

/** In how many changes one is looked at, where nobody says otherwise. */
const usualLookEvery = 100;

/** What a store of remote resources is made of. */
export interface RemoteStoreParts<T extends Resource, N extends ResourceRequest> {
  readonly resources: ScimResources<T, N>;
  readonly capabilities: Capabilities;
  /** Whether there is PATCH. */
  readonly canPatch: boolean;
  /** Carries out bulk operations; absent where there are none. */
  readonly bulk?: (
    operations: readonly BulkOperation[],
    options: BulkOptions,
  ) => Promise<readonly BulkOutcome[]>;
  /** How the service provider wants to be driven. Default: as the RFCs have it. */
  readonly behaviour?: ProviderBehaviour;
  /** One in how many changes is looked at once its form was seen to work. Default: 100. */
  readonly lookEvery?: number;
  /** Whether a removal from a group is taken for done that nobody can see. Default: false. */
  readonly trustRemovals?: boolean;
  /** Whether the schema of the service provider says that the members of groups are returned. Default: no. */
  readonly returnsMembers?: () => Promise<boolean>;
}

/** What a store of groups has beside its attributes. */
export interface RemoteMembers {
  readonly reads: MemberReads;
  readonly writer: MemberWriter;
}

/** How one write of several is made. */
export interface Single<T extends Resource, N> {
  replace(id: string, resource: N, options: WriteOptions): Promise<T>;
}

/** What repositories of users and of groups have in common whose resources are at a service provider. */
export class RemoteStore<T extends Resource, N extends ResourceRequest> {
  readonly type: ResourceType;
  readonly capabilities: Capabilities;
  readonly canPatch: boolean;
  readonly reads: RemoteReads<T, N>;
  readonly forms: SeenForms;
  readonly behaviour: ProviderBehaviour;
  readonly attributes: AttributeWriter<T, N>;
  readonly #resources: ScimResources<T, N>;
  readonly #bulk: RemoteStoreParts<T, N>["bulk"];
  readonly #turns = new Turns();
  #members: RemoteMembers | undefined;

  constructor(parts: RemoteStoreParts<T, N>) {
    const { resources, capabilities, canPatch, bulk, lookEvery = usualLookEvery } = parts;
    this.type = resources.type;
    this.#resources = resources;
    this.capabilities = capabilities;
    this.behaviour = parts.behaviour ?? {};
    this.canPatch = canPatch && this.behaviour.updates !== "put";
    this.reads = new RemoteReads(resources, capabilities);
    this.forms = new SeenForms(lookEvery);
    this.#bulk = bulk;
    const hasMembers = resources.type.schema.attributes.has("members");
    this.attributes = new AttributeWriter<T, N>({
      ...{ resources, reads: this.reads, canPatch, behaviour: this.behaviour, forms: this.forms },
      computed: (id, options, reading, write) => this.computed(id, options, reading, write),
      kept: hasMembers ? ["members"] : [],
      isWhole: async (current) =>
        !hasMembers ||
        (await this.#members?.reads.known(current as Pick<Group, "members">)) !== undefined,
    });
  }

  /** Gives a store of groups what reads and changes their members. */
  set members(members: RemoteMembers) {
    this.#members = members;
  }

  async create(resource: N, options: CallOptions = {}): Promise<T> {
    const { created, ignored } = await this.#create(resource, options);
    publishIgnored(this.type.name, created.id, ignored);
    return this.reads.seen(created, options);
  }

  async replace(id: string, resource: N | T, options: WriteOptions = {}): Promise<T> {
    const replaced = await this.refusing(resource, id, options, () =>
      this.#resources.replace(id, resource, options),
    );
    return this.reads.seen(replaced, options);
  }

  /** @throws {UnsupportedError} the service provider says that it has deleted it, and has not. */
  async delete(id: string, options: WriteOptions = {}): Promise<void> {
    await this.refusing({}, id, options, () => this.#resources.delete(id, options));
    if (!this.forms.isDue("delete", ["delete"]) || this.capabilities.delete !== "hard") return;
    const { signal } = options;
    const left = await this.#resources.get(id, signal && { signal });
    if (left !== undefined) {
      throw new UnsupportedError(
        `The service provider said that "${id}" was deleted, and it is still there. ` +
          'Where it deactivates instead, say `delete: "deactivate"` of its capabilities.',
      );
    }
    this.forms.worked(["delete"]);
  }

  /** Changes a user's password. Nobody can see whether it was. */
  async setPassword(id: string, password: string, options: WriteOptions): Promise<void> {
    const operations = [{ op: "replace", path: "password", value: password }] as const;
    await this.refusing({}, id, options, () => this.#resources.patch(id, operations, options));
  }

  /**
   * Changes part of a resource. A change that is computed is made only in the version that was read, and else computed again; where
   * there are no versions, such changes of one resource are made one after the other, as far as they are made here.
   *
   * @throws {UnsupportedError} the service provider did not take some of it.
   */
  async modify(
    id: string,
    modification: Modification<T, N>,
    options: WriteOptions = {},
  ): Promise<void> {
    const ignored = await this.#modify(id, modification, options);
    publishIgnored(this.type.name, id, ignored);
    if (ignored.length > 0) {
      throw new UnsupportedError(`The service provider did not keep ${ignored.join(", ")}.`);
    }
  }

  async #modify(
    id: string,
    modification: Modification<T, N>,
    options: WriteOptions,
    isBlind = false,
  ): Promise<readonly string[]> {
    const stated = "plan" in modification ? {} : (modification.set ?? {});
    return await this.refusing(stated, id, options, async () => {
      if (!("plan" in modification)) {
        return await this.#modifyBy(id, modification, options, isBlind);
      }
      let members: readonly MembersChange[] = [];
      const ignored = await this.attributes.writeComputed(
        ...([id, options, modification.reads] as const),
        (current) => {
          const { attributes, changes } = this.#parted(modification.plan(current));
          members = changes;
          return attributes;
        },
      );
      const { signal } = options;
      for (const change of members) await this.#changeMembers(id, change, signal && { signal });
      return ignored;
    });
  }

  /** A change set in two parts: of attributes, and of members, which are changed by themselves. */
  #parted({ relations, ...attributes }: ChangeSet<N>): {
    readonly attributes: ChangeSet<N>;
    readonly changes: readonly MembersChange[];
  } {
    if (this.#members === undefined) return { attributes, changes: [] };
    const { members, ...set } = (attributes.set ?? {}) as Partial<NewGroup>;
    const { unset = [] } = attributes;
    const isCleared = unset.includes("members");
    const all = isCleared ? [] : members && (namedMembersOf({ members }) ?? []).map(typed);
    const changes: readonly MembersChange[] = [
      ...(all === undefined ? [] : [{ clear: true, add: all }]),
      ...(relations?.members === undefined ? [] : [relations.members]),
    ];
    const own = { set, unset: unset.filter((path) => path !== "members") };
    return {
      attributes: own as object as ChangeSet<N>,
      changes: changes.filter((change) => !isNothing(change)),
    };
  }

  async #modifyBy(
    id: string,
    changeSet: ChangeSet<N>,
    options: WriteOptions,
    isBlind: boolean,
  ): Promise<readonly string[]> {
    const { attributes: changes, changes: members } = this.#parted(changeSet);
    const hasAttributes = [changes.set, changes.unset].some(
      (stated) => stated !== undefined && Object.keys(stated).length > 0,
    );
    if (!hasAttributes && members.length === 0) {
      // Nothing is written, and yet whoever is not there has to be missed.
      await this.computed(id, options, {}, async () => {});
      return [];
    }
    const { ifVersion: _, ...unconditional } = options;
    const ignored = hasAttributes ? await this.attributes.write(id, changes, options, isBlind) : [];
    for (const [at, change] of members.entries()) {
      const isFirst = !hasAttributes && at === 0;
      await this.#changeMembers(id, change, isFirst ? options : unconditional);
    }
    return ignored;
  }

  async #changeMembers(
    id: string,
    change: MembersChange,
    options: WriteOptions = {},
  ): Promise<void> {
    if (this.#members === undefined) throw new UnsupportedError("There are no members here.");
    await this.#members.writer.change(id, change, options);
  }

  async #create(
    resource: N,
    options: CallOptions,
  ): Promise<{ readonly created: T; readonly ignored: readonly string[] }> {
    const stated = this.#created(resource);
    const created = await this.refusing(resource, undefined, options, async () => {
      try {
        return await this.#resources.create(stated, options);
      } catch (error) {
        const found = isDone(error) ? await this.#createdAs(stated, options) : undefined;
        if (found === undefined) throw error;
        return found;
      }
    });
    return { created, ignored: await this.attributes.afterCreation(created, stated, options) };
  }

  /** What a resource is created with. */
  #created(resource: N): N {
    return this.type.schema.attributes.has("username")
      ? { ...this.behaviour.newUsers, ...resource }
      : resource;
  }

  /** What was created without a word of where it is: whoever has a name that nobody else can have. */
  async #createdAs(resource: N, options: CallOptions): Promise<T | undefined> {
    for (const { path } of uniqueAttributes(this.type)) {
      const value: unknown = Reflect.get(resource, path);
      if (typeof value !== "string") continue;
      const filter = bindFilter(eq(path, value), this.type);
      if (!answersFilter(this.capabilities, filter)) continue;
      const { resources } = await this.reads.find({ filter, count: 2 }, options);
      return resources.length === 1 ? resources[0] : undefined;
    }
    return undefined;
  }

  /**
   * Makes several writes: those that can be bulk operations in bulk requests, and each of the others alone. A form of change that was
   * never seen to work is made alone first.
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
        : await unlessTooMany(this.#bulk(operations, { ...options, types: [this.type] }));
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
    const { forms, attributes, type } = this;
    const content: { created?: object; patched?: readonly PatchOperation[] } = {};
    let [kind, keys]: [string, readonly string[]] = [write.kind, [write.kind]];
    if (write.kind === "create") {
      content.created = this.#created(write.resource);
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
        if (this.#members?.writer.isOne(relations.members) !== true) return undefined;
        const { isShared } = this.#members.reads;
        content.patched = memberOperations(relations.members, isShared);
        [kind, keys] = ["members", formsOf(relations.members, isShared)];
      }
    }
    const operation = operationOf(type, write, bulkId, content);
    if (operation === undefined || forms.isNew(keys)) return undefined;
    if (!forms.isDue(kind, keys)) return operation;
    forms.demand(kind);
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
          const { created, ignored } = await this.#create(write.resource, options);
          return written(created.id, ignored);
        }
        case "modify":
          return written(
            write.id,
            await this.#modify(write.id, write.modification, options, isBlind),
          );
        case "replace":
          await single.replace(write.id, write.resource, options);
          return written(write.id);
        case "delete":
          await this.delete(write.id, options);
          return written(write.id);
      }
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return { written: false, error };
    }
  }

  async #resultOf(
    write: Write<T, N>,
    outcome: BulkOutcome | undefined,
    options: CallOptions,
    single: Single<T, N>,
  ): Promise<WriteResult> {
    const own = write.kind === "create" ? undefined : write.id;
    if (outcome?.done === true) {
      const id = own ?? outcome.id ?? (await this.#idOfCreated(write, options));
      if (id !== undefined) {
        return written(id, write.kind === "create" ? this.attributes.unkeptOf(write.resource) : []);
      }
      const message = "It was created, and the answer does not say where.";
      throw new UnavailableError(message, {
        cause: new ScimResponseError(message, outcome.status),
        mayBeDone: true,
      });
    }
    // Alone, it is perhaps done in another form.
    if (write.kind === "modify" && isOfForm(outcome?.error)) {
      return await this.#alone(write, options, single);
    }
    const error = await this.#refusal(outcome?.error, statedBy(write), own, options);
    if (!isRefusal(error)) throw error;
    return { written: false, error };
  }

  async #idOfCreated(write: Write<T, N>, options: CallOptions): Promise<string | undefined> {
    if (write.kind !== "create") return undefined;
    return (await this.#createdAs(write.resource, options))?.id;
  }

  /** Reads a resource and writes it again, until no other writer comes between. */
  async computed<R>(
    id: string,
    { ifVersion, ...options }: WriteOptions,
    reading: ReadOptions,
    write: (current: T, conditions: WriteOptions) => Promise<R>,
  ): Promise<R> {
    const once = async (): Promise<R> => {
      const current = await this.reads.demand(id, { ...options, ...reading });
      const version = current.meta?.version;
      if (ifVersion !== undefined && version !== undefined && version !== ifVersion) {
        throw new VersionConflictError(`The resource "${id}" is not in the version ${ifVersion}.`);
      }
      return await write(current, {
        ...options,
        ...(version !== undefined && { ifVersion: version }),
      });
    };
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#turns.run(id, once, options.signal);
      } catch (error) {
        const isOurs = error instanceof VersionConflictError && ifVersion === undefined;
        if (!isOurs || attempt === mostAttempts) throw error;
      }
    }
  }

  /** Writes; raises the errors that a repository does. */
  async refusing<R>(
    attributes: object,
    own: string | undefined,
    options: CallOptions,
    write: () => Promise<R>,
  ): Promise<R> {
    try {
      return await write();
    } catch (error) {
      throw await this.#refusal(error, attributes, own, options);
    }
  }

  /**
   * The error of a write as a repository raises it: of a value that is taken it says which it is, and whose, if that can be looked up.
   *
   * @param attributes The values that were to be written.
   * @param own The id of the resource, if it is there already.
   */
  async #refusal(
    error: unknown,
    attributes: object,
    own: string | undefined,
    options: CallOptions,
  ): Promise<unknown> {
    return error instanceof UniquenessError
      ? await this.#named(error, attributes, own, options)
      : asRefusal(error);
  }

  async #named(
    error: UniquenessError,
    attributes: object,
    own: string | undefined,
    { signal }: CallOptions,
  ): Promise<UniquenessError> {
    const unique = uniqueAttributes(this.type).map(({ path }) => path);
    for (const path of new Set([...unique, "displayName", "externalId"])) {
      const value: unknown = Object.hasOwn(attributes, path) && Reflect.get(attributes, path);
      if (typeof value !== "string" || !this.type.attributes.has(path.toLowerCase())) continue;
      const filter = bindFilter(eq(path, value), this.type);
      if (!answersFilter(this.capabilities, filter)) continue;
      try {
        const { resources } = await this.reads.find({ filter, count: 2 }, signal && { signal });
        const holder = resources.find(({ id }) => id !== own);
        if (holder !== undefined) return new UniquenessError(path, holder.id, { cause: error });
      } catch {
        signal?.throwIfAborted();
        // What is known already is enough.
        return error;
      }
    }
    return error;
  }
}

function written(id: string, ignored: readonly string[] = []): WriteResult {
  return { written: true, id, ...(ignored.length > 0 && { ignored }) };
}

/** Whether an error says that something was done all the same: the answer was a success, and does not tell of what. */
function isDone(error: unknown): boolean {
  const status = statusOf(error) ?? 0;
  return error instanceof UnavailableError && error.mayBeDone && status >= 200 && status < 300;
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
  outcomes: Promise<readonly BulkOutcome[]>,
): Promise<readonly BulkOutcome[] | undefined> {
  try {
    return await outcomes;
  } catch (error) {
    if (error instanceof TooManyError) return undefined;
    throw error;
  }
}
