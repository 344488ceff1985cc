import { type ConcordatError, UnsupportedError } from "../../core/index.js";
import type { MembersChange, WriteOptions } from "../../repositories/index.js";
import type { Group, NewGroup } from "../../scim/index.js";
import type { ProviderBehaviour } from "../provider-preset.js";
import { bodyOf } from "../reading/read-resource.js";
import { isOfForm, isOfMembers, smallerThan } from "../requests/refusals.js";
import type { ScimResources } from "../resources.js";
import type { Computed } from "../writing/attribute-writer.js";
import type { SeenForms } from "../writing/seen-forms.js";
import { replacementBody } from "../writing/writable-body.js";
import {
  among,
  distinct,
  isMeant,
  isNothing,
  leftOf,
  type NamedMember,
  namedMembersOf,
  typed,
  withMembersChanged,
} from "./members.js";
import { formsOf, memberOperations, partsOf, sizeOf } from "./operations.js";
import type { MemberReads } from "./reads.js";

/** The most members of one request by default. */
export const usualMembersAtOnce = 500;
/** What is tried where more were refused without a reason: large service providers take no more. */
const cautiousAtOnce = 100;
/** So many members are asked for one by one, where there is no list of them. */
const mostAsked = 10;

/** What a writer of members is made of. */
export interface MemberWriterParts {
  readonly resources: ScimResources<Group, NewGroup>;
  readonly reads: MemberReads;
  readonly canPatch: boolean;
  readonly behaviour: ProviderBehaviour;
  readonly forms: SeenForms;
  /** Whether a removal is taken for done that cannot be verified. */
  readonly trusts: boolean;
  readonly computed: Computed<Group>;
}

/** A change that is being sent. */
interface Sending {
  /** The conditions of the next request: the version that the caller stated holds only for the first. */
  conditions: WriteOptions;
}

/**
 * Changes who is in groups at a service provider. A change was made when that can be seen: by the members in the
 * response, or by a look, each time until a form of change was seen to work, and every so often after that. What is
 * refused, or was not done, is done in other forms as far as it is still open, so that no member comes twice.
 */
export class MemberWriter {
  readonly #parts: MemberWriterParts;
  #atOnce: number;
  #emptying: "all" | "each";
  #doubles: boolean;
  /** Whether the removal of one member was seen to remove all. */
  #removesAll = false;

  constructor(parts: MemberWriterParts) {
    this.#parts = parts;
    const { membersAtOnce, emptying, doublesMembers } = parts.behaviour;
    this.#atOnce = membersAtOnce ?? usualMembersAtOnce;
    this.#emptying = emptying ?? "all";
    this.#doubles = doublesMembers ?? false;
  }

  /** Whether a change is one request before which nothing has to be read. */
  isOne(change: MembersChange): boolean {
    return (
      this.#canPatch(change) && !this.#needsLook(change) && partsOf(change, this.#atOnce).length < 2
    );
  }

  /**
   * Changes members.
   *
   * @throws {NotFoundError} there is no such group.
   * @throws {UnsupportedError} it was not done, or cannot be verified.
   */
  async change(id: string, stated: MembersChange, options: WriteOptions): Promise<void> {
    const { reads, forms } = this.#parts;
    const change: MembersChange = { ...stated, add: distinct((stated.add ?? []).map(typed)) };
    reads.note([...(change.add ?? []), ...(change.remove ?? [])]);
    const keys = formsOf(change, reads.isShared);
    const isNew = forms.isNew(keys);
    const isDue = forms.isDue("members", keys);
    const goes = change.clear === true || (change.remove ?? []).length > 0;
    const canPatch = this.#canPatch(change);
    let open = change;
    let staying: readonly NamedMember[] | undefined;
    if (!canPatch || (isNew && goes) || this.#needsLook(change)) {
      const members = await this.#before(id, change, options);
      if (members !== undefined) open = this.#openIn(members, change);
      if (isNothing(open)) return;
      staying =
        change.clear === true
          ? []
          : members && withMembersChanged(members, { remove: change.remove ?? [] });
    }
    let refusal: ConcordatError | undefined;
    const sending: Sending = { conditions: options };
    if (canPatch) {
      try {
        const returned = await this.#send(id, open, sending);
        if (!isDue && returned === undefined) return;
        if (!isDue && returned !== undefined && this.#isMade(returned, change)) return;
      } catch (error) {
        if (!isOfMembers(error)) throw error;
        refusal = error;
      }
    }
    const left = canPatch ? await this.#look(id, change, options, refusal, staying) : open;
    if (isNothing(left)) {
      // Where no member was to stay, it is not seen whether others stay.
      const isSeen = reads.hasSight && (change.clear === true || !goes || staying?.length !== 0);
      if (refusal === undefined && isSeen) forms.worked(keys);
      return;
    }
    forms.failed(keys);
    if (change.clear === true && (left.remove ?? []).length > 0) this.#emptying = "each";
    // What was refused and is open as it was, would be refused again.
    const isSame = refusal !== undefined && !open.clear && sizeOf(left) === sizeOf(open);
    await this.#doOtherwise(id, change, left, sending, { refusal, isPatched: canPatch && !isSame });
  }

  /**
   * Looks whether a group has the members that it was created with, or replaced by, and else changes them.
   *
   * @param form How they were given.
   * @throws {UnsupportedError} it does not have them for all that, or it cannot be verified whether it has others.
   */
  async settle(
    id: string,
    form: "create with members" | "replace members",
    members: readonly NamedMember[],
    options: WriteOptions,
  ): Promise<void> {
    const { reads, forms } = this.#parts;
    const isReplaced = form === "replace members";
    if ((members.length === 0 && !isReplaced) || !forms.isDue("members", [form])) return;
    const change = { clear: isReplaced, add: members.map(typed) };
    const left = await this.#look(id, change, options, undefined);
    if (!isNothing(left)) await this.change(id, left, options);
    else if (reads.hasSight) forms.worked([form]);
  }

  /** Whether a change is made by PATCH. */
  #canPatch({ remove = [] }: MembersChange): boolean {
    return this.#parts.canPatch && !(this.#removesAll && remove.length > 0);
  }

  /** Whether it has to be seen first who is in the group. */
  #needsLook({ clear = false, add = [] }: MembersChange): boolean {
    return (this.#doubles && add.length > 0) || (clear && this.#emptying === "each");
  }

  /** Who is in a group before a change; `undefined` if that cannot be seen. */
  async #before(
    id: string,
    { remove = [] }: MembersChange,
    options: WriteOptions,
  ): Promise<readonly NamedMember[] | undefined> {
    const { reads } = this.#parts;
    const members = await reads.find(id, options);
    // Seen once to find a member, a question by filter says something when it finds none after the change.
    if (members === undefined) await reads.byFilter(id, remove.slice(0, 1), options);
    return members;
  }

  /** What is to be sent, given who is in the group. */
  #openIn(members: readonly NamedMember[], change: MembersChange): MembersChange {
    const left = leftOf(members, change);
    const isEmptied =
      change.clear === true && this.#emptying === "all" && left.remove !== undefined;
    if (!isEmptied) return left;
    return { clear: true, ...(change.add !== undefined && { add: change.add }) };
  }

  #isMade(members: readonly NamedMember[], change: MembersChange): boolean {
    return isNothing(leftOf(members, change));
  }

  /**
   * Sends a change in as many requests as it takes, in smaller ones where they are too large.
   *
   * @returns the members in the last response, if there are any.
   */
  async #send(
    id: string,
    change: MembersChange,
    sending: Sending,
  ): Promise<readonly NamedMember[] | undefined> {
    const { resources, reads } = this.#parts;
    let returned: readonly NamedMember[] | undefined;
    const queue = [...partsOf(change, this.#atOnce)];
    for (let part = queue.shift(); part !== undefined; part = queue.shift()) {
      const operations = memberOperations(part, reads.isShared);
      try {
        const group = await resources.patch(id, operations, sending.conditions);
        // What a response leaves out, it may leave out of any group.
        returned = group === undefined ? undefined : namedMembersOf(group);
        const { ifVersion: _, ...unconditional } = sending.conditions;
        sending.conditions = unconditional;
      } catch (error) {
        const size = sizeOf(part);
        const isOdd = isOfForm(error) && size > cautiousAtOnce;
        const smaller = smallerThan(size, error) ?? (isOdd ? cautiousAtOnce : undefined);
        if (smaller === undefined) throw error;
        this.#atOnce = smaller;
        queue.unshift(...partsOf(part, smaller));
      }
    }
    return returned;
  }

  /**
   * What of a change is still open, by a look.
   *
   * @throws {UnsupportedError} it cannot be verified whether a member has left.
   * @throws {ConcordatError} it was refused, and it cannot be seen how far it was done.
   * @param staying Who was there before, and is to be there still, as far as that is known.
   */
  async #look(
    id: string,
    change: MembersChange,
    options: WriteOptions,
    refusal: ConcordatError | undefined,
    staying: readonly NamedMember[] = [],
  ): Promise<MembersChange> {
    const { reads, trusts, forms } = this.#parts;
    const { add = [], remove = [], clear = false } = change;
    const group = await reads.read(id, options);
    const members = reads.of(group);
    if (members !== undefined) {
      if (isDoubled(members, add)) this.#doubles = true;
      if (staying.some(among(members)) || staying.length === 0) return leftOf(members, change);
      // Some ignore the filter of a path, and remove all members: those that were to stay are added again.
      this.#removesAll = true;
      return leftOf(members, { ...change, add: [...staying.map(typed), ...add] });
    }
    // Where there is no list, some of those concerned stand for all.
    const some = { remove: remove.slice(0, mostAsked), add: add.slice(0, mostAsked) };
    const asked = [...some.remove, ...some.add].map(typed);
    const found = clear ? undefined : await reads.byFilter(id, asked, options);
    if (found !== undefined) {
      const left = leftOf(found, some);
      if (refusal === undefined) return left;
      // What was refused is open but for those who are seen.
      const [going, coming] = [remove.slice(mostAsked), add.slice(mostAsked)];
      return {
        remove: [...(left.remove ?? []), ...going],
        add: [...(left.add ?? []), ...coming],
      };
    }
    const none = await reads.known(group);
    if (none !== undefined) return leftOf(none, change);
    if (refusal !== undefined) throw refusal;
    if (!clear && remove.length === 0) return {};
    forms.failed(formsOf(change, reads.isShared));
    if (trusts) return {};
    throw new UnsupportedError(
      `The service provider does not return the members of the group "${id}", ` +
        "so it cannot be verified whether a member has left it. The option `trustRemovals` has it believed.",
    );
  }

  /** Does what is left of a change one by one, and then by a PUT of the group. */
  async #doOtherwise(
    id: string,
    change: MembersChange,
    left: MembersChange,
    sending: Sending,
    {
      refusal,
      isPatched,
    }: { readonly refusal: ConcordatError | undefined; readonly isPatched: boolean },
  ): Promise<void> {
    let [open, error] = [left, refusal];
    if (isPatched) {
      try {
        await this.#send(id, open, sending);
        error = undefined;
      } catch (reason) {
        if (!isOfMembers(reason)) throw reason;
        error = reason;
      }
      open = await this.#look(id, change, sending.conditions, error);
      if (isNothing(open)) return;
    }
    try {
      if (!(await this.#replace(id, open, sending.conditions))) throw error ?? unknownMembers(id);
      const { ifVersion: _, ...unconditional } = sending.conditions;
      open = await this.#look(id, change, unconditional, undefined);
    } catch (reason) {
      if (!isOfMembers(reason)) throw reason;
      error ??= reason;
    }
    if (isNothing(open)) return;
    throw error ?? notMade(open);
  }

  /** Replaces a group with its members changed. @returns false if it is not known who they are. */
  async #replace(id: string, open: MembersChange, options: WriteOptions): Promise<boolean> {
    const { resources, reads, computed } = this.#parts;
    const reading = { attributes: ["members"] };
    return await computed(id, options, reading, async (current, conditions) => {
      const members = await reads.known(current);
      if (members === undefined) return false;
      const isKept = among(withMembersChanged(members, open));
      const isThere = among(members);
      const kept = (current.members ?? []).filter((_, at) => {
        const member = members[at];
        return member !== undefined && isKept(member);
      });
      const added = (open.add ?? []).map(typed).filter((member) => !isThere(member));
      const wanted = { ...current, members: [...kept, ...added] };
      const slots = [{ names: ["members"] }];
      const body = replacementBody(resources.type, bodyOf(current) ?? current, {}, wanted, slots);
      await resources.replaceBody(id, body, conditions);
      return true;
    });
  }
}

function isDoubled(members: readonly NamedMember[], added: readonly NamedMember[]): boolean {
  const all = Map.groupBy(members, ({ value }) => value);
  return added.some(
    (one) => (all.get(one.value) ?? []).filter((member) => isMeant(member, one)).length > 1,
  );
}

function unknownMembers(id: string): UnsupportedError {
  return new UnsupportedError(
    `The service provider does not return the members of the group "${id}", so it cannot be replaced.`,
  );
}

/** The error of a change whose response was a success, and that was not made. */
function notMade({ add = [], remove = [] }: MembersChange): UnsupportedError {
  const ids = (members: readonly NamedMember[]): string => {
    const some = members.slice(0, 5).map(({ value }) => `"${value}"`);
    return [...some, ...(members.length > 5 ? ["…"] : [])].join(", ");
  };
  const what = [
    ...(remove.length > 0 ? [`${ids(remove)} still there`] : []),
    ...(add.length > 0 ? [`${ids(add)} not there`] : []),
  ];
  return new UnsupportedError(
    `The service provider said that it was done, and did not do it: members ${what.join(", ")}.`,
  );
}
