import { NotFoundError, UniquenessError } from "concordat";
import type { MembersChange, MirroredGroups, MirroredUsers } from "concordat/repositories";
import type { NewGroup, NewUser } from "concordat/scim";

/** What a store that cannot be read was told. */
export class WriteOnlyUsers implements MirroredUsers {
  /** The users by their names in lower case. */
  readonly users: Map<string, NewUser> = new Map();
  /** Whose sessions were ended. */
  readonly ended: string[] = [];
  /** What to do before the next call. */
  interrupt: (call: string) => void = () => {};

  async create(user: NewUser): Promise<void> {
    this.interrupt("create");
    if (this.users.has(key(user))) throw new UniquenessError("userName");
    this.users.set(key(user), plain(user));
  }

  async change(user: NewUser, before: NewUser): Promise<void> {
    this.interrupt("change");
    if (key(user) !== key(before) && this.users.has(key(user))) {
      throw new UniquenessError("userName");
    }
    this.users.delete(key(before));
    this.users.set(key(user), plain(user));
  }

  async delete(user: NewUser): Promise<void> {
    this.interrupt("delete");
    this.users.delete(key(user));
  }

  async revokeSessions(user: NewUser): Promise<void> {
    this.interrupt("revokeSessions");
    this.ended.push(user.userName);
  }
}

/** The same of groups, which have names of their own here. */
export class WriteOnlyGroups implements MirroredGroups {
  readonly groups: Map<string, Set<string>> = new Map();
  interrupt: (call: string) => void = () => {};

  async create({ displayName }: NewGroup): Promise<void> {
    this.interrupt("create");
    this.groups.set(displayName, new Set());
  }

  async change(group: NewGroup, before: NewGroup): Promise<void> {
    this.interrupt("change");
    const members = this.groups.get(before.displayName) ?? new Set();
    this.groups.delete(before.displayName);
    this.groups.set(group.displayName, members);
  }

  async delete({ displayName }: NewGroup): Promise<void> {
    this.interrupt("delete");
    this.groups.delete(displayName);
  }

  async changeMembers(group: NewGroup, { clear, add, remove }: MembersChange): Promise<void> {
    this.interrupt("changeMembers");
    const members = this.groups.get(group.displayName);
    if (members === undefined) throw new NotFoundError(group.displayName);
    if (clear === true) members.clear();
    for (const { value } of remove ?? []) members.delete(value);
    for (const { value } of add ?? []) members.add(value);
  }
}

function key({ userName }: NewUser): string {
  return userName.normalize("NFKC").toLowerCase();
}

function plain({ userName, active }: NewUser): NewUser {
  return { userName, ...(active !== undefined && { active }) };
}
