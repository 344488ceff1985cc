import { hash } from "node:crypto";
import type { MemberChange, Name, Upsert } from "../changes/index.js";
import { slices } from "./step.js";

/** How many members are digested together. */
const blockLength = 1_000;

/** Members that are digested together, and their digest. */
interface Block {
  readonly members: readonly Name[];
  readonly digest: string;
}

/** Blocks of members by the first of them, for as long as the stream keeps it. */
export type DigestedBlocks = WeakMap<Name, Block>;

/**
 * Says in short what a change tells, of which a step asks several times.
 *
 * Of a long list of members little is new when it is stated again: names that are the same objects as before, as streams of
 * this package have them, are not digested again.
 */
export class Digests {
  readonly #changes = new WeakMap<Upsert, string>();
  readonly #blocks: DigestedBlocks;

  /** @param blocks What earlier steps have digested. */
  constructor(blocks: DigestedBlocks) {
    this.#blocks = blocks;
  }

  /** Of the account, and of names and members, with a space between them. */
  of(change: Upsert): string {
    const known = this.#changes.get(change);
    if (known !== undefined) return known;
    const { type, names, resource, members } = change;
    const references = [names, members && this.#membersDigest(members)];
    const digest = `${digestOf([type, resource])} ${digestOf(references)}`;
    this.#changes.set(change, digest);
    return digest;
  }

  #membersDigest(change: MemberChange): unknown {
    if (change.kind !== "all" || change.members.length < blockLength) return change;
    const blocks = slices(change.members, blockLength);
    return { kind: "all", blocks: Array.from(blocks, (block) => this.#blockDigest(block)) };
  }

  #blockDigest(members: readonly Name[]): string {
    const [first] = members;
    const known = first && this.#blocks.get(first);
    const isSame = known?.members.length === members.length;
    if (isSame && members.every((name, index) => name === known.members[index])) {
      return known.digest;
    }
    const digest = digestOf(members);
    if (first !== undefined) this.#blocks.set(first, { members, digest });
    return digest;
  }
}

function digestOf(value: unknown): string {
  return hash("sha256", JSON.stringify(value), "base64");
}
