import {
  KeyedMutex,
  UnavailableError,
  UnsupportedError,
  VersionConflictError,
} from "../../core/index.js";
import type {
  CallOptions,
  Capabilities,
  ChangeSet,
  MembersChange,
  Modification,
  ReadOptions,
  Write,
  WriteOptions,
  WriteResult,
} from "../../repositories/index.js";
import { supportsFilter } from "../../repositories/internal.js";
import {
  bindFilter,
  eq,
  type Group,
  type NewGroup,
  type Resource,
  type ResourceRequest,
  type ResourceType,
} from "../../scim/index.js";
import { uniqueAttributes } from "../../scim/internal.js";
import { publishIgnored } from "../channel.js";
import { isNothing, namedMembersOf, typed } from "../members/members.js";
import type { RemoteMembers } from "../members/remote-members.js";
import type { ProviderBehaviour } from "../provider-preset.js";
import { RemoteReads } from "../reading/remote-reads.js";
import { statusOf } from "../requests/refusals.js";
import type { ScimResources } from "../resources.js";
import { AttributeWriter } from "../writing/attribute-writer.js";
import { SeenForms } from "../writing/seen-forms.js";
import { WriteRefusals } from "../writing/write-refusals.js";
import { type CarryOut, RemoteWrites, type Single } from "./remote-writes.js";

/** How often a change is computed again because another writer came between. */
const mostAttempts = 10;

/** In how many changes one is looked at by default. */
const usualLookEvery = 100;

/** What a store of remote resources is made of. */
export interface RemoteStoreParts<T extends Resource, N extends ResourceRequest> {
  /** Sends the requests of one type of resources. */
  readonly resources: ScimResources<T, N>;
  /** What the service provider can do. */
  readonly capabilities: Capabilities;
  /** Whether there is PATCH. */
  readonly canPatch: boolean;
  /** Carries out bulk operations; absent where there are none. */
  readonly bulk?: CarryOut;
  /** How the service provider wants to be driven. Default: as the RFCs have it. */
  readonly behaviour?: ProviderBehaviour;
  /** One in how many changes is looked at once its form was seen to work. Default: 100. */
  readonly lookEvery?: number;
  /** Whether a removal from a group is taken for done that cannot be verified. Default: false. */
  readonly trustRemovals?: boolean;
  /** Whether the schema of the service provider says that the members of groups are returned. Default: no. */
  readonly returnsMembers?: () => Promise<boolean>;
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
  readonly refusals: WriteRefusals<T, N>;
  readonly #writes: RemoteWrites<T, N>;
  readonly #mutex = new KeyedMutex();
  /** What reads and changes members, in a store of groups. */
  members: RemoteMembers | undefined;

  constructor(parts: RemoteStoreParts<T, N>) {
    const { resources, capabilities, canPatch, bulk, lookEvery = usualLookEvery } = parts;
    this.type = resources.type;
    this.#resources = resources;
    this.capabilities = capabilities;
    this.behaviour = parts.behaviour ?? {};
    this.canPatch = canPatch && this.behaviour.updates !== "put";
    this.reads = new RemoteReads(resources, capabilities);
    this.forms = new SeenForms(lookEvery);
    this.refusals = new WriteRefusals(this.type, capabilities, this.reads);
    this.#writes = new RemoteWrites(this, bulk);
    const hasMembers = resources.type.schema.attributes.has("members");
    this.attributes = new AttributeWriter<T, N>({
      ...{ resources, reads: this.reads, canPatch, behaviour: this.behaviour, forms: this.forms },
      computed: (id, options, reading, write) => this.computed(id, options, reading, write),
      kept: hasMembers ? ["members"] : [],
      isWhole: async (current) =>
        !hasMembers ||
        (await this.members?.reads.known(current as Pick<Group, "members">)) !== undefined,
    });
  }

  async create(resource: N, options: CallOptions = {}): Promise<T> {
    const { created, ignored } = await this.createWithReport(resource, options);
    publishIgnored(this.type.name, created.id, ignored);
    if (ignored.length > 0) options.onIgnored?.(ignored);
    return this.reads.seen(created, options);
  }

  async replace(id: string, resource: N | T, options: WriteOptions = {}): Promise<T> {
    const replaced = await this.refusals.refusing(resource, id, options, () =>
      this.#resources.replace(id, resource, options),
    );
    return this.reads.seen(replaced, options);
  }

  /** @throws {UnsupportedError} the service provider says that it has deleted it, and has not. */
  async delete(id: string, options: WriteOptions = {}): Promise<void> {
    await this.refusals.refusing({}, id, options, () => this.#resources.delete(id, options));
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

  /** Changes a user's password. Whether it was changed cannot be verified. */
  async setPassword(id: string, password: string, options: WriteOptions): Promise<void> {
    const operations = [{ op: "replace", path: "password", value: password }] as const;
    await this.refusals.refusing({}, id, options, () =>
      this.#resources.patch(id, operations, options),
    );
  }

  /**
   * Changes part of a resource. A change that is computed is made only in the version that was read, and else computed
   * again; where there are no versions, such changes of one resource are made one after the other, as far as they are
   * made here.
   *
   * @throws {UnsupportedError} the service provider did not take some of it.
   */
  async modify(
    id: string,
    modification: Modification<T, N>,
    options: WriteOptions = {},
  ): Promise<void> {
    const ignored = await this.modifyWithReport(id, modification, options);
    publishIgnored(this.type.name, id, ignored);
    if (ignored.length > 0) {
      throw new UnsupportedError(`The service provider did not keep ${ignored.join(", ")}.`);
    }
  }

  async modifyWithReport(
    id: string,
    modification: Modification<T, N>,
    options: WriteOptions,
    isBlind = false,
  ): Promise<readonly string[]> {
    const stated = "plan" in modification ? {} : (modification.set ?? {});
    return await this.refusals.refusing(stated, id, options, async () => {
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
    if (this.members === undefined) return { attributes, changes: [] };
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
      // Nothing is written, and yet a resource that is not there has to be missed.
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
    if (this.members === undefined) throw new UnsupportedError("There are no members here.");
    await this.members.writer.change(id, change, options);
  }

  async createWithReport(
    resource: N,
    options: CallOptions,
  ): Promise<{ readonly created: T; readonly ignored: readonly string[] }> {
    const stated = this.statedAs(resource);
    const created = await this.refusals.refusing(resource, undefined, options, async () => {
      try {
        return await this.#resources.create(stated, options);
      } catch (error) {
        const found = isDone(error) ? await this.createdAs(stated, options) : undefined;
        if (found === undefined) throw error;
        return found;
      }
    });
    return { created, ignored: await this.attributes.afterCreation(created, stated, options) };
  }

  /** What a resource is created with. */
  statedAs(resource: N): N {
    return this.type.schema.attributes.has("username")
      ? { ...this.behaviour.newUsers, ...resource }
      : resource;
  }

  /** What was created without a word of where it is: the resource with a name that no other can have. */
  async createdAs(resource: N, options: CallOptions): Promise<T | undefined> {
    for (const { path } of uniqueAttributes(this.type)) {
      const value: unknown = Reflect.get(resource, path);
      if (typeof value !== "string") continue;
      const filter = bindFilter(eq(path, value), this.type);
      if (!supportsFilter(this.capabilities, filter)) continue;
      const { resources } = await this.reads.find({ filter, count: 2 }, options);
      return resources.length === 1 ? resources[0] : undefined;
    }
    return undefined;
  }

  /** Makes several writes. See {@link RemoteWrites}. */
  async write(
    writes: readonly Write<T, N>[],
    options: CallOptions,
    single: Single<T, N>,
  ): Promise<readonly WriteResult[]> {
    return await this.#writes.write(writes, options, single);
  }

  /** Reads a resource and writes it again, until no other writer comes between. */
  async computed<R>(
    id: string,
    { ifVersion, ...options }: WriteOptions,
    reading: ReadOptions,
    write: (current: T, conditions: WriteOptions) => Promise<R>,
  ): Promise<R> {
    const once = async (): Promise<R> => {
      const current = await this.reads.require(id, { ...options, ...reading });
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
        return await this.#mutex.run(id, once, options.signal);
      } catch (error) {
        const isOurs = error instanceof VersionConflictError && ifVersion === undefined;
        if (!isOurs || attempt === mostAttempts) throw error;
      }
    }
  }
}

/**
 * Whether an error says that something was done all the same: the response was a success, and does not say of what.
 */
function isDone(error: unknown): boolean {
  const status = statusOf(error) ?? 0;
  return error instanceof UnavailableError && error.mayBeDone && status >= 200 && status < 300;
}
