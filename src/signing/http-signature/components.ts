import { InvalidValueError } from "../../core/index.js";
import type { SignatureComponent } from "./message.js";
import {
  assertOnce,
  type IdentifiedComponent,
  identified,
  identifierOf,
} from "./signature-base.js";
import { printItem, textOf } from "./structured-field-text.js";
import { type Item, innerListItems, type Member } from "./structured-fields.js";

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
  /** Fields that every response must have. */
  readonly response?: readonly string[];
}

/** What the signatures of requests cover, with content and without it. */
export class RequestComponents {
  readonly withContent: CoveredComponents;
  readonly withoutContent: CoveredComponents;

  constructor({ request: fields = [] }: CoveredFields = {}) {
    assertFields(fields);
    const components = (digest: readonly string[]): SignatureComponent[] =>
      ["@method", "@authority", "@path", "@query", ...digest, ...fields].map((name) => ({ name }));
    this.withContent = covered(components(["content-digest"]), true);
    this.withoutContent = covered(components([]), false);
  }
}

/**
 * What the signatures of responses cover: what is theirs, and all that the signature of the request covers, which binds
 * them to it together with the request's nonce (RFC 9421 §2.4, §7.3.7).
 */
export class ResponseComponents {
  readonly withContent: CoveredComponents;
  readonly withoutContent: CoveredComponents;

  constructor(request: CoveredComponents, { response: fields = [] }: CoveredFields = {}) {
    assertFields(fields);
    const components = (digest: readonly string[]): SignatureComponent[] => [
      ...["@status", ...digest, ...fields].map((name) => ({ name })),
      ...request.components.map((component) => ({ ...component, req: true })),
    ];
    this.withContent = covered(components(["content-digest"]), true);
    this.withoutContent = covered(components([]), false);
  }
}

/**
 * What a signature covers that was made elsewhere: all that is required, in any order, and whatever else its signer
 * wanted.
 *
 * @throws {InvalidValueError} it lacks something, or has something twice, or something that is no component, or too
 * much.
 */
export function receivedComponents(
  member: Member,
  { withContent, withoutContent }: RequestComponents | ResponseComponents,
  most: number,
): CoveredComponents {
  const items = innerListItems(member);
  if (items.length > most) {
    throw new InvalidValueError("components", `there are more than ${most}.`);
  }
  const components = items.map(receivedComponent);
  assertOnce(components);
  const known = new Set(components.flatMap(satisfied));
  const hasContent = known.has(digest);
  for (const { identifier } of (hasContent ? withContent : withoutContent).components) {
    if (!known.has(identifier)) {
      throw new InvalidValueError("components", `the signature does not cover ${identifier}.`);
    }
  }
  return { components, list: `(${items.map(printItem).join(" ")})`, hasContent };
}

const digest = identifierOf({ name: "content-digest" });

/** What is required that a component satisfies: a field that is covered in another form is covered as a whole. */
function satisfied(component: SignatureComponent): readonly string[] {
  const { name, req, key, tr, sf, bs } = component;
  const isWhole = key === undefined && tr !== true && (sf === true || bs === true);
  const own = identifierOf(component);
  return isWhole ? [own, identifierOf({ name, ...(req === undefined ? {} : { req }) })] : [own];
}

function receivedComponent(item: Item): IdentifiedComponent {
  const name = textOf(item.value);
  if (name === undefined) throw new InvalidValueError("components", "one of them has no name.");
  const component: { -readonly [K in keyof SignatureComponent]: SignatureComponent[K] } = { name };
  for (const [parameter, value] of item.parameters) {
    const text = textOf(value);
    if (parameter === "key" && text !== undefined) component.key = text;
    else if (parameter === "name" && text !== undefined) component.parameter = text;
    else if (isFlag(parameter) && value.source === "?1") component[parameter] = true;
    else throw new InvalidValueError(name, "it has a parameter that no component has.");
  }
  return { ...component, name, identifier: printItem(item) };
}

function isFlag(parameter: string): parameter is "req" | "sf" | "bs" | "tr" {
  return /^(?:req|sf|bs|tr)$/.test(parameter);
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

function assertFields(fields: readonly string[]): void {
  for (const [at, name] of fields.entries()) {
    const isField = /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name);
    if (!isField || unsignable.has(name) || fields.indexOf(name) !== at) {
      throw new InvalidValueError("fields", `"${name}" cannot be covered beside the others.`);
    }
  }
}
