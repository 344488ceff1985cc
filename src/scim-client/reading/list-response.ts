import { byName, isObject } from "../requests/read-response.js";
import { ScimResponseError } from "../requests/response-error.js";

/** A number may be written as text: some service providers do, although it says nothing else by it. */
const digits = /^\d{1,15}$/;

/** The response to a query, before its resources are read. RFC 7644 §3.4.2, RFC 9865 §2. */
export interface ListedResources {
  readonly resources: readonly unknown[];
  readonly totalResults?: number;
  readonly startIndex?: number;
  readonly nextCursor?: string;
  readonly previousCursor?: string;
}

/**
 * Reads the response to a query. Names are read in any case.
 *
 * @throws {ScimResponseError} it is no ListResponse.
 */
export function readListResponse(body: unknown): ListedResources {
  if (!isObject(body)) throw noList();
  const message = byName(body);
  const totalResults = numberIn(message.get("totalresults"));
  // RFC 7644 §3.4.2: where nothing is returned, there need not be a list.
  const resources = message.get("resources") ?? (isWhole(totalResults) ? [] : undefined);
  if (!Array.isArray(resources)) throw noList();
  const startIndex = numberIn(message.get("startindex"));
  const [nextCursor, previousCursor] = [message.get("nextcursor"), message.get("previouscursor")];
  return {
    resources,
    ...(isWhole(totalResults) && { totalResults }),
    ...(isWhole(startIndex) && { startIndex }),
    ...(isCursor(nextCursor) && { nextCursor }),
    ...(isCursor(previousCursor) && { previousCursor }),
  };
}

function numberIn(value: unknown): unknown {
  return typeof value === "string" && digits.test(value) ? Number(value) : value;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isCursor(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function noList(): ScimResponseError {
  return new ScimResponseError("The response to a query is no ListResponse.", 200);
}
