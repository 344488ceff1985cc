import type { GroupRepository, UserRepository } from "concordat/repositories";

/** The stores that a suite is given. */
export interface Stores {
  readonly users: UserRepository;
  readonly groups: GroupRepository;
}

/** Methods, and capabilities, in place of those of sound stores. */
export interface Flawed {
  readonly users?: Partial<UserRepository>;
  readonly groups?: Partial<GroupRepository>;
}

/** One mistake that an adapter may make, and the case of the suite that has to see it. */
export interface Mistake {
  readonly mistake: string;
  readonly suite: "users" | "groups";
  readonly caughtBy: string;
  make(sound: Stores): Flawed;
}

/** A mistake that no case can see, and why not. */
export interface Unseen extends Omit<Mistake, "caughtBy"> {
  readonly because: string;
}

/** Sound stores with a mistake. */
export function withMistake(sound: Stores, { make }: Pick<Mistake, "make">): Stores {
  const { users = {}, groups = {} } = make(sound);
  return { users: inPlace(sound.users, users), groups: inPlace(sound.groups, groups) };
}

function inPlace<R extends object>(sound: R, methods: Partial<R>): R {
  return new Proxy(sound, {
    get(wrapped, name): unknown {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name);
      const member: unknown = Reflect.get(wrapped, name, wrapped);
      return typeof member === "function" ? member.bind(wrapped) : member;
    },
  });
}

/** Options of a call without its signal, for those who are deaf to it. */
export function unsignalled<O extends { readonly signal?: AbortSignal | undefined }>(
  options: O | undefined,
): Omit<O, "signal"> {
  const { signal: _, ...others } = options ?? ({} as O);
  return others;
}
