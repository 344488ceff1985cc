import type { FormatName, WireFormat } from "./format.js";
import { httpSignature } from "./http-signature.js";
import { simpleSso } from "./simple-sso.js";
import { simpleSsoDraft } from "./simple-sso-draft.js";

/** The wire formats. A name without one does not compile. */
export const formats: Readonly<Record<FormatName, WireFormat>> = {
  "http-signature": httpSignature,
  "simple-sso": simpleSso,
  "simple-sso-draft": simpleSsoDraft,
};

/** Makes something for each format. */
export function forEachFormat<R>(
  make: (format: WireFormat, name: FormatName) => R,
): Readonly<Record<FormatName, R>> {
  const names = Object.keys(formats) as FormatName[];
  return Object.fromEntries(names.map((name) => [name, make(formats[name], name)])) as Record<
    FormatName,
    R
  >;
}
