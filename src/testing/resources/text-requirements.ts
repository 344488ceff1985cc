import assert from "node:assert/strict";
import { InvalidValueError } from "../../core/index.js";
import type { Capabilities } from "../../repositories/index.js";
import type { ResolvedAttribute, Resource, ResourceRequest } from "../../scim/index.js";
import type { Requirement } from "../contract.js";
import { writableAttributes } from "../random/resources.js";
import { keeps, placed, valueAt } from "./attribute-requirements.js";
import type { ResourceKind } from "./resource-kind.js";

/** Texts that are often trimmed, folded, cut or read as something else. */
const texts: readonly string[] = [
  " begins with a space",
  "ends with one ",
  "has  two",
  "Mixed.Case@Example.ORG",
  "007",
  "1e3",
  "true",
  "null",
  "2011-05-13",
  "tab\tand\nline",
  "e\u0301 is not \u00e9",
  "\u{1f600}",
  "<b>&amp;</b>",
  `long ${"x".repeat(300)}`,
];

/** What is required of the texts of attributes that do not name the resource. */
export function textRequirements<S, T extends Resource, N extends ResourceRequest>(
  { named, naming, repository }: ResourceKind<S, T, N>,
  capabilities: Capabilities,
): readonly Requirement<S>[] {
  return [
    {
      name: "texts of every attribute that the store keeps are kept as they are, or refused as InvalidValueError",
      async check(subject) {
        const resources = repository(subject);
        const kept = writableAttributes(resources.type).filter(
          (one) => one.attribute.name !== naming && isKept(one, capabilities),
        );
        for (const [at, text] of texts.entries()) {
          // What is refused names the attribute; the others are tried without it.
          for (let tried = kept; tried.length > 0; ) {
            const values = tried.map((one) => [one, textValue(one, text)] as const);
            let resource = named(`text ${at} of ${tried.length}`);
            for (const [one, value] of values) resource = placed(resource, one, value);
            let created: T;
            try {
              created = await resources.create(resource);
            } catch (error) {
              if (!(error instanceof InvalidValueError)) throw error;
              const { path } = error;
              const left = tried.filter((one) => !isAt(one, path));
              tried = left.length < tried.length ? left : tried.slice(1);
              continue;
            }
            const read = await resources.get(created.id);
            for (const [one, value] of values) {
              const message = `the ${one.path} that was created as ${JSON.stringify(text)}`;
              assert.deepEqual(textIn(valueAt(read, one)), textIn(value), message);
            }
            break;
          }
        }
      },
    },
  ];
}

/** Whether it is a text that says what it likes, or has values that do. */
function isKept({ path, attribute }: ResolvedAttribute, capabilities: Capabilities): boolean {
  const value = attribute.subAttributes.get("value");
  const text = attribute.type === "complex" ? value : attribute;
  const isFree =
    text?.type === "string" &&
    text.canonicalValues.length === 0 &&
    // The id of another resource is no text to play with.
    attribute.subAttributes.get("$ref") === undefined;
  return isFree && keeps(capabilities, attribute.type === "complex" ? `${path}.value` : path);
}

function textValue({ attribute }: ResolvedAttribute, text: string): unknown {
  if (attribute.type !== "complex") return attribute.multiValued ? [text] : text;
  return attribute.multiValued ? [{ value: text }] : { value: text };
}

function textIn(value: unknown): unknown {
  const single: unknown = Array.isArray(value) ? value[0] : value;
  return typeof single === "object" && single !== null ? Reflect.get(single, "value") : single;
}

function isAt(one: ResolvedAttribute, path: string): boolean {
  return path === one.path || path.startsWith(`${one.path}.`) || one.path.startsWith(`${path}:`);
}
