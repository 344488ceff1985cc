import { byName, isObject } from "./read-answer.js";
import { ScimResponseError } from "./response-error.js";

/** A type of resources as a service provider describes it. RFC 7643 §6. */
export interface RemoteResourceType {
  readonly name: string;
  /** The endpoint below the base URL, such as `/Users`. */
  readonly endpoint: string;
  /** The URI of the base schema. */
  readonly schema: string;
  /** The extensions that the resources can have. */
  readonly schemaExtensions: readonly {
    /** The URI of the schema. */
    readonly schema: string;
    readonly required: boolean;
  }[];
}

/**
 * Reads a ResourceType.
 *
 * @throws {ScimResponseError} it is none.
 */
export function readResourceType(body: unknown): RemoteResourceType {
  if (!isObject(body)) throw noType();
  const document = byName(body);
  const extensions = document.get("schemaextensions") ?? [];
  if (!Array.isArray(extensions)) throw noType();
  return {
    name: text(document.get("name")),
    endpoint: text(document.get("endpoint")),
    schema: text(document.get("schema")),
    schemaExtensions: extensions.map((one: unknown) => {
      if (!isObject(one)) throw noType();
      const extension = byName(one);
      return {
        schema: text(extension.get("schema")),
        required: extension.get("required") === true,
      };
    }),
  };
}

function text(value: unknown): string {
  if (typeof value !== "string" || value === "") throw noType();
  return value;
}

function noType(): ScimResponseError {
  return new ScimResponseError("What is to describe a type of resources does not.", 200);
}
