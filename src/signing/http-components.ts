import { InvalidValueError } from "../core/index.js";
import { type IdentifiedComponent, identified, type SignatureComponent } from "./signature-base.js";

/** What a signature covers. */
export interface CoveredComponents {
  readonly components: readonly IdentifiedComponent[];
  /** The components as an inner list of structured fields. */
  readonly list: string;
  /** Whether the content is among them, by its digest. */
  readonly hasContent: boolean;
}

/** Fields that are covered beside what the profile always covers, in lower case. */
export interface CoveredFields {
  /** Fields that every request must have. */
  readonly request?: readonly string[];
  /** Fields that every answer must have. */
  readonly response?: readonly string[];
}

/** What the signatures of requests cover, with content and without it. */
export class RequestComponents {
  readonly withContent: CoveredComponents;
  readonly withoutContent: CoveredComponents;

  constructor({ request: fields = [] }: CoveredFields = {}) {
    demandFields(fields);
    const components = (digest: readonly string[]): SignatureComponent[] =>
      ["@method", "@authority", "@path", "@query", ...digest, ...fields].map((name) => ({ name }));
    this.withContent = covered(components(["content-digest"]), true);
    this.withoutContent = covered(components([]), false);
  }
}

/**
 * What the signatures of answers cover: what is theirs, and all that the signature of the request covers, which binds them to
 * it together with the request's nonce (RFC 9421 §2.4, §7.3.7).
 */
export class ResponseComponents {
  readonly withContent: CoveredComponents;
  readonly withoutContent: CoveredComponents;

  constructor(request: CoveredComponents, { response: fields = [] }: CoveredFields = {}) {
    demandFields(fields);
    const components = (digest: readonly string[]): SignatureComponent[] => [
      ...["@status", ...digest, ...fields].map((name) => ({ name })),
      ...request.components.map(({ name }) => ({ name, req: true })),
    ];
    this.withContent = covered(components(["content-digest"]), true);
    this.withoutContent = covered(components([]), false);
  }
}

function covered(names: readonly SignatureComponent[], hasContent: boolean): CoveredComponents {
  const components = names.map(identified);
  const list = `(${components.map(({ identifier }) => identifier).join(" ")})`;
  return { components, list, hasContent };
}

/** Fields whose lines cannot be joined, that hops change, or that the signature itself is in. */
const unsignable = new Set([
  "set-cookie",
  "connection",
  "content-digest",
  "signature",
  "signature-input",
]);

function demandFields(fields: readonly string[]): void {
  for (const [at, name] of fields.entries()) {
    const isField = /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name);
    if (!isField || unsignable.has(name) || fields.indexOf(name) !== at) {
      throw new InvalidValueError("fields", `"${name}" cannot be covered beside the others.`);
    }
  }
}
