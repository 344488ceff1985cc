import type { Name } from "../../changes/index.js";
import type { Link } from "../../repositories/index.js";

/** A link with nothing in it but what is required. */
export function link(sourceId: string, more: Partial<Link> = {}): Link {
  return {
    sourceId,
    type: "User",
    state: "live",
    adopted: false,
    seen: 1,
    disabledByUs: false,
    dirty: false,
    ...more,
  };
}

/** A link with everything in it. */
export const wholeLink: Link = link("whole", {
  resourceId: "resource",
  name: "Ann",
  adopted: true,
  stamp: "20261121000000.000000Z#000000#001#000000",
  goneStamp: "20261121000001.000000Z#000000#001#000000",
  digest: "digest",
  seen: 7,
  disabledByUs: true,
  intent: { name: "Ann" },
  dirty: true,
  failure: {
    code: "uniqueness",
    message: 'The value of "userName" is taken.',
    change: {
      kind: "upsert",
      type: "User",
      sourceId: "whole",
      names: [{ kind: "dn", key: "uid=ann,dc=example" }],
      resource: { userName: "Ann", nickName: null, emails: [{ value: "ann@example.com" }] },
      complete: true,
    },
    blocker: "other",
    attempts: 3,
    nextAttempt: 1_795_000_000_000,
  },
  resourceMark: "2026-11-21T00:00:00.000Z",
  valued: "aB3-_x",
});

/** A distinguished name. */
export function dn(key: string): Name {
  return { kind: "dn", key };
}

/** A name as `memberUid` has it. */
export function uid(key: string): Name {
  return { kind: "uid", key };
}
