import type { ResourceType } from "../../scim/index.js";
import type { ScimResponseError } from "./response-error.js";

/** A request to a service provider, before it is known how it is written. */
export interface ScimRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** The path below the base URL, encoded. */
  readonly path: string;
  readonly query?: URLSearchParams;
  /** What is sent, as JSON. */
  readonly body?: unknown;
  /** The version that the resource has to be in. */
  readonly ifVersion?: string | undefined;
  /** The type of the resource that it is about. */
  readonly type?: ResourceType;
  /** The id of that resource. */
  readonly id?: string;
  /** The paths of the attributes that are sent. */
  readonly stated?: readonly string[];
  /** What is sent and must not be repeated, such as a password. */
  readonly secrets?: readonly string[];
  /** Whether it changes nothing, although it is a POST. */
  readonly isQuery?: boolean;
}

/** The response of a service provider, if it was not an error. */
export interface ScimResponse {
  readonly status: number;
  /** The body, read as JSON; `undefined` where there is none. */
  readonly body: unknown;
  /** Why the body of a response to a write could not be read. The write was done: the status says so. */
  readonly unreadable?: ScimResponseError;
  /** The value of ETag. */
  readonly version?: string;
  /** The value of Location. */
  readonly location?: string;
}

/**
 * The path of a resource; `undefined` if no path leads to it. An id that is empty, or that URLs take for a step to
 * another folder, belongs to nothing that a service provider could give out.
 */
export function resourcePath({ endpoint }: ResourceType, id: string): string | undefined {
  if (["", ".", "..", ".search"].includes(id) || !id.isWellFormed()) return undefined;
  return `${endpoint}/${encodeURIComponent(id)}`;
}
