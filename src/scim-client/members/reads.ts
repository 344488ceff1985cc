import { NotFoundError, UnsupportedError } from "../../core/index.js";
import type { CallOptions } from "../../repositories/index.js";
import { and, eq, type Filter, type Group, type NewGroup, valuePath } from "../../scim/index.js";
import { isUnreadable } from "../reading/read-resource.js";
import type { ScimResources } from "../resources.js";
import { isMeant, type NamedMember, namedMembersOf } from "./members.js";

/** How to ask by filter whether a resource is a member of a group. Service providers know one of these, or none. */
const questions: readonly ((group: string, member: string) => Filter)[] = [
  (group, member) => and(eq("id", group), valuePath("members", eq("value", member))),
  (group, member) => and(eq("id", group), eq("members.value", member)),
  (group, member) => and(eq("id", group), eq("members", member)),
];

/**
 * Reads who is in groups, by name: some service providers return members only so (RFC 7643 §7, `returned: "request"`).
 */
export class MemberReads {
  readonly #resources: ScimResources<Group, NewGroup>;
  readonly #canFilter: boolean;
  readonly #isReturned: () => Promise<boolean>;
  /** Whether members were ever returned, so that a group without them has none. */
  #areSeen = false;
  /** Which question was seen to find a member: only then it says something that it finds none. */
  #question: number | undefined;
  /**
   * Ids that belong to a user and to a group. They are to be unique over all types (RFC 7643 §3.1), and are not
   * everywhere.
   */
  readonly #shared = new Set<string>();

  /** @param isReturned Whether the schema of the service provider says that members are returned. */
  constructor(
    resources: ScimResources<Group, NewGroup>,
    canFilter: boolean,
    isReturned: () => Promise<boolean>,
  ) {
    this.#resources = resources;
    this.#canFilter = canFilter;
    this.#isReturned = isReturned;
  }

  /** Whether an id was seen to belong to a user and to a group. */
  isShared = (value: string): boolean => this.#shared.has(value);

  /**
   * Whether members were ever seen here, in a list or by a question: only then it is seen, too, that a resource is not
   * there.
   */
  get hasSight(): boolean {
    return this.#areSeen || this.#question !== undefined;
  }

  /** Takes note of members with their types, as they are stated or read. */
  note(members: readonly NamedMember[]): void {
    const types = new Map<string, string>();
    for (const { value, type } of members) {
      if (type === undefined) continue;
      if ((types.get(value) ?? type) !== type) this.#shared.add(value);
      types.set(value, type);
    }
  }

  /**
   * The members of a group that was read with them; `undefined` if they were not returned, and it is not known that
   * they would be, or if there is one among them who cannot be read.
   */
  of(group: Pick<Group, "members">): readonly NamedMember[] | undefined {
    const members = namedMembersOf(group);
    if (members === undefined) {
      return this.#areSeen && !isUnreadable(group, "members") ? [] : undefined;
    }
    this.#areSeen ||= members.length > 0;
    this.note(members);
    return members;
  }

  /** The members of a group that was read with them, as {@link of} and by what the schema says. */
  async known(group: Pick<Group, "members">): Promise<readonly NamedMember[] | undefined> {
    const members = this.of(group);
    if (members !== undefined || isUnreadable(group, "members")) return members;
    return (await this.#isReturned()) ? [] : undefined;
  }

  /**
   * The members of a group; `undefined` if they are not returned, which does not say that there are none.
   *
   * @throws {NotFoundError} there is no such group.
   */
  async find(id: string, options?: CallOptions): Promise<readonly NamedMember[] | undefined> {
    return this.of(await this.read(id, options));
  }

  /** A group with its members, if they are returned. @throws {NotFoundError} there is no such group. */
  async read(id: string, { signal }: CallOptions = {}): Promise<Pick<Group, "members">> {
    const options = { attributes: ["members"], ...(signal && { signal }) };
    const group = await this.#resources.get(id, options);
    if (group === undefined) throw new NotFoundError(id);
    return group;
  }

  /**
   * The members of a group. Where none are returned, it has none only if the schema says that they would be.
   *
   * @throws {NotFoundError} there is no such group.
   * @throws {UnsupportedError} the service provider does not say.
   */
  async require(id: string, options?: CallOptions): Promise<readonly NamedMember[]> {
    const members = await this.known(await this.read(id, options));
    if (members !== undefined) return members;
    throw new UnsupportedError(
      `The service provider does not return the members of the group "${id}".`,
    );
  }

  /**
   * Which of some members a group has, by filter.
   *
   * @returns `undefined` if no such filter was ever seen to find a member: that none does now says nothing then.
   */
  async byFilter(
    id: string,
    asked: readonly NamedMember[],
    options: CallOptions,
  ): Promise<readonly NamedMember[] | undefined> {
    if (!this.#canFilter) return undefined;
    const found: NamedMember[] = [];
    for (const member of asked) if (await this.#isFound(id, member, options)) found.push(member);
    return this.#question === undefined ? undefined : found;
  }

  async #isFound(id: string, { value }: NamedMember, { signal }: CallOptions): Promise<boolean> {
    const known = this.#question;
    for (const [at, question] of questions.entries()) {
      if (known !== undefined && at !== known) continue;
      try {
        const filter = question(id, value);
        const query = { filter, attributes: ["id"], count: 1 };
        const { resources } = await this.#resources.query(query, signal && { signal });
        if (resources.some((group) => group.id === id)) {
          this.#question = at;
          return true;
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (known !== undefined) throw error;
      }
    }
    return false;
  }

  /** Whether a group has a member, of those that were read. */
  static has(members: readonly NamedMember[], named: NamedMember): boolean {
    return members.some((member) => isMeant(member, named));
  }
}
