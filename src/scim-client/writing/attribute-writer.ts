import { type ConcordatError, UnsupportedError, VersionConflictError } from "../../core/index.js";
import {
  type ChangeSet,
  isRefusal,
  type ReadOptions,
  type WriteOptions,
} from "../../repositories/index.js";
import type { PatchOperation, Resource, ResourceRequest, ResourceType } from "../../scim/index.js";
import type { ProviderBehaviour } from "../provider-preset.js";
import { bodyOf } from "../reading/read-resource.js";
import type { RemoteReads } from "../reading/remote-reads.js";
import { isOfForm, statusOf } from "../requests/refusals.js";
import type { ScimResources } from "../resources.js";
import {
  type AttributeSlot,
  blindOperations,
  changed,
  differing,
  notTaken,
  operationsFor,
  slotsOf,
  valueAt,
} from "./attribute-difference.js";
import type { SeenForms } from "./seen-forms.js";
import { replacementBody } from "./writable-body.js";

/** Reads a resource and writes it again, until no other writer comes between. */
export type Computed<T> = <R>(
  id: string,
  options: WriteOptions,
  reading: ReadOptions,
  write: (current: T, conditions: WriteOptions) => Promise<R>,
) => Promise<R>;

/** What a writer of attributes is made of. */
export interface AttributeWriterParts<T extends Resource, N extends ResourceRequest> {
  readonly resources: ScimResources<T, N>;
  readonly reads: RemoteReads<T, N>;
  readonly canPatch: boolean;
  readonly behaviour: ProviderBehaviour;
  readonly forms: SeenForms;
  readonly computed: Computed<T>;
  /** The attributes without which a resource is not replaced, since a PUT without them would take them away. */
  readonly kept: readonly string[];
  /** Whether those attributes are known of a resource that was read. */
  isWhole(current: T): Promise<boolean>;
}

/** A change of attributes as it is sent. */
interface Sending<T> {
  readonly current: T;
  readonly wanted: T;
  readonly slots: readonly AttributeSlot[];
  /** What is to stay as it is. */
  readonly kept: readonly AttributeSlot[];
  readonly conditions: WriteOptions;
}

/**
 * Changes attributes at a service provider: by the smallest PATCH, and where that is refused or not carried out by a
 * PUT of what was read. It believes what it sees: what a service provider did not take is reported.
 */
export class AttributeWriter<T extends Resource, N extends ResourceRequest> {
  readonly #parts: AttributeWriterParts<T, N>;
  readonly #type: ResourceType;
  /** The paths of attributes that the service provider has not kept, although it did not refuse them. */
  readonly #unkept = new Set<string>();
  #hasPatch: boolean;
  /** Whether it was refused that attributes are cleared that are not there. */
  #isStrict = false;

  constructor(parts: AttributeWriterParts<T, N>) {
    this.#parts = parts;
    this.#type = parts.resources.type;
    this.#hasPatch = parts.canPatch && parts.behaviour.updates !== "put";
  }

  /**
   * Changes attributes.
   *
   * @param isBlind Whether it is tried without a look at the resource first, since many more like it follow.
   * @returns the paths of attributes that the service provider did not take.
   * @throws {UnsupportedError} it did not take what must not be lost: a name, or whether a user is active.
   */
  async write(
    id: string,
    changes: ChangeSet<N>,
    options: WriteOptions,
    isBlind = false,
  ): Promise<readonly string[]> {
    const slots = slotsOf(this.#type, changes);
    if (this.#hasPatch && (slots.length === 1 || (isBlind && !this.#isStrict))) {
      const left = await this.#writeBlindly(id, slots, changes, options);
      if (left !== undefined) return left;
    }
    return await this.writeComputed(id, options, [], () => changes);
  }

  /** Changes attributes as a plan says that looks at the resource. @returns as {@link write}. */
  async writeComputed(
    id: string,
    options: WriteOptions,
    attributes: readonly string[],
    plan: (current: T) => ChangeSet<N>,
  ): Promise<readonly string[]> {
    const { computed, kept } = this.#parts;
    const reading = { attributes: [...attributes, ...(this.#hasPatch ? [] : kept)] };
    return await computed(id, options, reading, async (current, conditions) => {
      const changes = plan(current);
      const wanted = changed(this.#type, current, changes);
      const slots = slotsOf(this.#type, changes);
      for (const { path, names } of slots) {
        if (valueAt(current, names) !== undefined) this.#unkept.delete(path);
      }
      const open = differing(slots, current, wanted);
      const sent = open.filter(
        (slot) => this.#isCritical(slot.path) || !this.#unkept.has(slot.path),
      );
      const ignored = open.filter((slot) => !sent.includes(slot)).map(({ path }) => path);
      if (sent.length === 0) return ignored;
      // What a change gives in one slot may take away what stood in another.
      const kept = slots.filter((slot) => !open.includes(slot));
      const left = await this.#writeDifference(id, {
        ...{ current, wanted, slots: sent, kept, conditions },
      });
      return [...ignored, ...this.#judge(left)];
    });
  }

  /** The one change that needs no look at the resource. @returns nothing if it has to be done in another way. */
  async #writeBlindly(
    id: string,
    slots: readonly AttributeSlot[],
    changes: ChangeSet<N>,
    options: WriteOptions,
  ): Promise<readonly string[] | undefined> {
    const { resources, forms, reads } = this.#parts;
    const wanted: object = changed(this.#type, {}, changes);
    const operations = blindOperations(slots, wanted);
    const keys = operations.map(formOf);
    let returned: T | undefined;
    try {
      returned = await resources.patch(id, operations, options);
    } catch (error) {
      if (!isOfForm(error)) throw error;
      this.#isStrict ||= slots.length > 1;
      return undefined;
    }
    if (forms.isDue("attributes", keys)) {
      returned = await reads.require(id, options.signal && { signal: options.signal });
    } else if (returned === undefined) return [];
    const left = notTaken(slots, returned, wanted);
    if (left.length === 0) {
      forms.worked(keys);
      return [];
    }
    forms.failed(keys);
    return undefined;
  }

  /** @returns the slots that were not taken. */
  async #writeDifference(id: string, sending: Sending<T>): Promise<readonly AttributeSlot[]> {
    let refusal: ConcordatError | undefined;
    let left = sending.slots;
    if (this.#hasPatch) {
      try {
        left = await this.#patch(id, sending);
        if (left.length === 0) return left;
      } catch (error) {
        if (!isOfForm(error)) throw error;
        refusal = error;
        if ([405, 501].includes(statusOf(error) ?? 0)) this.#hasPatch = false;
      }
    }
    const isHalfDone = this.#hasPatch && refusal === undefined;
    const after = isHalfDone ? await this.#again(id, sending, left) : sending;
    const put = await this.#put(id, after, refusal);
    return put ?? left;
  }

  async #patch(id: string, sending: Sending<T>): Promise<readonly AttributeSlot[]> {
    const { resources, forms } = this.#parts;
    const { current, wanted, slots, conditions } = sending;
    const operations = operationsFor(slots, current, wanted);
    const keys = operations.map(formOf);
    const returned = await resources.patch(id, operations, conditions);
    const left = await this.#leftOf(id, sending, returned, forms.isDue("attributes", keys));
    if (left.length === 0) forms.worked(keys);
    else forms.failed(keys);
    return left;
  }

  /**
   * Replaces what was read, with only ours changed.
   *
   * @returns the slots that were not taken; nothing if it cannot be done.
   * @throws {ConcordatError} it was refused, as the PATCH before it.
   */
  async #put(
    id: string,
    sending: Sending<T>,
    refusal: ConcordatError | undefined,
  ): Promise<readonly AttributeSlot[] | undefined> {
    const { resources, forms, reads, kept, isWhole } = this.#parts;
    const { wanted, slots, conditions } = sending;
    const { ifVersion: _, ...unconditional } = conditions;
    let { current } = sending;
    // What was not asked for is no less there than what was.
    if (kept.some((name) => valueAt(current, [name]) === undefined)) {
      const read = await reads.require(id, { ...unconditional, attributes: kept });
      if (read.meta?.version !== current.meta?.version) {
        throw new VersionConflictError(`The resource "${id}" has changed meanwhile.`);
      }
      current = read;
    }
    if (!(await isWhole(current))) {
      if (refusal !== undefined) throw refusal;
      if (this.#hasPatch) return undefined;
      throw new UnsupportedError(
        `The service provider does not say who is in the group "${id}", so it cannot be replaced.`,
      );
    }
    const body = replacementBody(this.#type, bodyOf(current) ?? current, current, wanted, slots);
    let returned: T;
    try {
      returned = await resources.replaceBody(id, body, conditions);
    } catch (error) {
      if (isOfForm(error)) {
        if (refusal === undefined && this.#hasPatch) return undefined;
        throw refusal ?? error;
      }
      throw error;
    }
    const keys = slots.map(({ path }) => `put ${path}`);
    const left = await this.#leftOf(id, sending, returned, forms.isDue("attributes", keys));
    if (left.length === 0) forms.worked(keys);
    return left;
  }

  /** What is left after a PATCH that was not carried out in full, with the resource as it is now. */
  async #again(
    id: string,
    { wanted, conditions: { signal } }: Sending<T>,
    slots: readonly AttributeSlot[],
  ): Promise<Sending<T>> {
    const { reads, kept } = this.#parts;
    const current = await reads.require(id, { attributes: kept, ...(signal && { signal }) });
    const ifVersion = current.meta?.version;
    const conditions = { ...(signal && { signal }), ...(ifVersion !== undefined && { ifVersion }) };
    return { current, wanted, slots, kept: [], conditions };
  }

  /** The slots that were not taken, by the response, or by a look where that is due. */
  async #leftOf(
    id: string,
    { wanted, slots: sent, kept, conditions: { signal } }: Sending<T>,
    returned: T | undefined,
    isDue: boolean,
  ): Promise<readonly AttributeSlot[]> {
    const seen = isDue ? await this.#parts.reads.require(id, signal && { signal }) : returned;
    if (seen === undefined) return [];
    const slots = [...sent, ...kept];
    const left = notTaken(slots, seen, wanted);
    if (isDue) this.#note(slots, left, seen);
    return left;
  }

  /**
   * What a resource that was just created was not given. A response may say what the store has dropped, so the first
   * that states an attribute is read, and some of those after it.
   */
  async afterCreation(created: T, stated: N, options: WriteOptions): Promise<readonly string[]> {
    const { forms } = this.#parts;
    const slots = this.#creationSlots(stated);
    const keys = this.creationForms(stated);
    let seen: T | undefined = created;
    if (forms.isDue("create", keys)) {
      seen = await this.#seenAfterCreation(created.id, options);
      // A form that does not work is known by that: it need not be looked at again each time.
      if (seen !== undefined) forms.worked(keys);
    }
    if (seen === undefined) return this.unkeptOf(stated);
    const left = notTaken(slots, seen, stated);
    if (seen !== created) this.#note(slots, left, seen);
    const lost = left.filter(({ path }) => this.#isCritical(path));
    const isMended = lost.length > 0 && (await this.#mend(created.id, lost, stated, options));
    const ignored = isMended ? left.filter((slot) => !lost.includes(slot)) : left;
    return [...new Set([...ignored.map(({ path }) => path), ...this.unkeptOf(stated)])];
  }

  /** Gives what was created what must not be lost. @returns whether it has it now. */
  async #mend(
    id: string,
    lost: readonly AttributeSlot[],
    stated: N,
    { signal }: WriteOptions,
  ): Promise<boolean> {
    const set = Object.fromEntries(lost.map(({ path, names }) => [path, valueAt(stated, names)]));
    try {
      const left = await this.write(
        id,
        { set } as ChangeSet<N>,
        signal === undefined ? {} : { signal },
      );
      return left.length === 0;
    } catch (error) {
      if (isRefusal(error)) return false;
      throw error;
    }
  }

  /** What was created, if it can be read: that it was created is known, whether or not. */
  async #seenAfterCreation(id: string, { signal }: WriteOptions): Promise<T | undefined> {
    try {
      return await this.#parts.reads.get(id, signal && { signal });
    } catch {
      signal?.throwIfAborted();
      return undefined;
    }
  }

  /** The forms of a creation that states these attributes. */
  creationForms(stated: object): readonly string[] {
    return this.#creationSlots(stated).map(({ path, names }) => {
      const value = valueAt(stated, names);
      return typeof value === "boolean" ? `create ${path} ${value}` : `create ${path}`;
    });
  }

  /** What is not kept of what is stated, as far as it is known. */
  unkeptOf(stated: object): readonly string[] {
    const paths = this.#creationSlots(stated).map(({ path }) => path);
    return paths.filter((path) => this.#unkept.has(path));
  }

  /** The operations that change attributes without a look at the resource; none where that is refused. */
  blindly(changes: ChangeSet<N>): readonly PatchOperation[] {
    const slots = slotsOf(this.#type, changes);
    if (!this.#hasPatch || (this.#isStrict && slots.length > 1)) return [];
    if (slots.some(({ path }) => this.#unkept.has(path))) return [];
    return blindOperations(slots, changed(this.#type, {}, changes));
  }

  /** The forms of operations. */
  formsOf(operations: readonly PatchOperation[]): readonly string[] {
    return operations.map(formOf);
  }

  #creationSlots(stated: object): readonly AttributeSlot[] {
    const changes = { set: stated } as ChangeSet<N>;
    return slotsOf(this.#type, changes).filter(
      ({ names: [name = "", ...inner], attribute }) =>
        valueAt(stated, [name, ...inner]) !== undefined &&
        attribute?.returned !== "never" &&
        !["members", "schemas", "id", "meta"].includes(name),
    );
  }

  /** What a change has left open. @throws {UnsupportedError} it must not be lost. */
  #judge(left: readonly AttributeSlot[]): readonly string[] {
    const paths = left.map(({ path }) => path);
    const lost = paths.filter((path) => this.#isCritical(path));
    if (lost.length > 0) throw notCarriedOut(lost);
    return paths;
  }

  /** Remembers which attributes are not there although they were given. */
  #note(slots: readonly AttributeSlot[], left: readonly AttributeSlot[], seen: object): void {
    for (const slot of slots) {
      const isDropped = left.includes(slot) && valueAt(seen, slot.names) === undefined;
      if (isDropped && !this.#isCritical(slot.path)) this.#unkept.add(slot.path);
      else if (!left.includes(slot)) this.#unkept.delete(slot.path);
    }
  }

  /** Whether it must not pass that a value is not taken: people sign in by it, or must not. */
  #isCritical(path: string): boolean {
    const naming = this.#type.schema.attributes.has("username") ? "userName" : "displayName";
    return path === "active" || path === naming;
  }
}

/** The error of a change whose response was a success, and that was not made. */
function notCarriedOut(paths: readonly string[]): UnsupportedError {
  return new UnsupportedError(
    `The service provider said that it was done, and did not do it: ${paths.join(", ")}.`,
  );
}

/** The form of an operation: what may work for one value may not for another only of booleans. */
function formOf(operation: PatchOperation): string {
  const { op, path = "" } = operation;
  const value = "value" in operation ? operation.value : undefined;
  return typeof value === "boolean" ? `${op} ${path} ${value}` : `${op} ${path}`;
}
