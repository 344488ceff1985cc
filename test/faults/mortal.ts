import { type Call, type Interruption, interferedWith, type Target } from "../sync/stores.js";

/** The process in which synchronisation ran has ended, and nothing that it began is finished. */
export class ProcessEnded extends Error {}

const writes: Readonly<Record<Call["store"], readonly string[]>> = {
  users: ["write", "delete"],
  groups: ["write", "delete", "changeMembers"],
  links: ["save", "markSeen", "markDirty", "remove", "setNames"],
  memberships: ["saveReferences", "removeReferences", "saveGrants", "removeGrants"],
  settlement: ["state", "confirm"],
  checkpoints: ["save", "claim"],
};

/** What becomes of the process that writes. */
export interface Mortality {
  /** Called before each write; what it throws, the write throws. */
  readonly beforeWrite?: () => void | Promise<void>;
  /** Whether the process ends at this write: before it, or where nothing is in a transaction, in the middle of it. */
  readonly endsAt: () => boolean;
}

/** The stores as one process sees them, which does nothing any more once it has ended. */
export function mortal(target: Target, { beforeWrite, endsAt }: Mortality): Target {
  let isDead = false;
  const isWrite = ({ store, method }: Call) => writes[store].includes(method);
  const before = async (call: Call): Promise<void> => {
    if (isDead) throw new ProcessEnded();
    if (isWrite(call)) await beforeWrite?.();
  };
  const interrupt = (call: Call): Interruption | undefined => {
    if (!isWrite(call) || !endsAt()) return undefined;
    isDead = true;
    const [first, many, ...others] = call.args;
    const half = target.transaction === undefined && Array.isArray(many) && many.length > 1;
    const part = half ? { part: [first, many.slice(0, many.length / 2), ...others] } : {};
    return { ...part, error: new ProcessEnded() };
  };
  return interferedWith(target, { before, interrupt });
}
