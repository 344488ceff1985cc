import { ConcordatError, TooManyError, UnavailableError } from "../../core/index.js";
import type { CallOptions } from "../../repositories/index.js";
import {
  type BulkOperation,
  groupResourceType,
  type ResourceType,
  userResourceType,
} from "../../scim/index.js";
import { type BulkRequest, bulkRequestId } from "../../scim/internal.js";
import { byName, isObject } from "../requests/read-response.js";
import type { ScimResponse } from "../requests/request.js";
import type { Requester } from "../requests/requester.js";
import { ScimResponseError } from "../requests/response-error.js";
import { failedStatusIn, typedError } from "../requests/typed-error.js";
import { idIn, secretsIn, statedIn } from "../writing/sent-values.js";
import { type BulkLimits, chunksOf, cutsIn } from "./chunks.js";
import { withIds } from "./references.js";

/** Options of a bulk request. */
export interface BulkOptions extends CallOptions {
  /** After how many errors to stop. Default: not at all. */
  readonly failOnErrors?: number | undefined;
  /**
   * The types of the resources, by which errors say which attribute is meant, and by which references are distinguished
   * from other texts that begin with `bulkId:`. Default: users and groups.
   */
  readonly types?: readonly ResourceType[] | undefined;
}

/** How one operation of a bulk request has ended. */
export type BulkResult =
  | {
      readonly done: true;
      readonly status: number;
      /** The id of the resource, as its location has it. */
      readonly id?: string;
      readonly location?: string;
      /** The version that it is in now. */
      readonly version?: string;
    }
  | {
      readonly done: false;
      /** An `UnavailableError` says in `mayBeDone` whether the operation may have been carried out. */
      readonly error: ConcordatError;
    };

/**
 * Has a service provider carry out operations: in as many requests as its limits ask for, one after the other. What an
 * earlier request has created is referred to by its id in a later one. RFC 7644 §3.7.
 *
 * When a request fails, its operations have its error, and no other is sent.
 *
 * @returns an outcome for each operation, in order.
 * @throws {TooManyError} the operations cannot be divided into requests that the service provider takes; none was sent.
 */
export async function bulk(
  requester: Requester,
  operations: readonly BulkOperation[],
  limits: BulkLimits,
  options: BulkOptions,
): Promise<readonly BulkResult[]> {
  // The same operation may come twice, and each has an outcome of its own.
  const own = operations.map((operation) => ({ ...operation }));
  const chunks = [...chunksOf(own, limits, options.types ?? usualTypes)];
  const job = new BulkJob(requester, options);
  for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
    const divided = await job.run(chunk);
    if (divided !== undefined) chunks.unshift(...divided);
  }
  return own.map((operation) => job.outcomes.get(operation) ?? notSent);
}

const usualTypes: readonly ResourceType[] = [userResourceType, groupResourceType];

const notSent: BulkResult = {
  done: false,
  error: new UnavailableError("The operation was not sent, since others before it failed."),
};

class BulkJob {
  readonly outcomes: Map<BulkOperation, BulkResult> = new Map();
  readonly #requester: Requester;
  readonly #options: BulkOptions;
  /** The ids of what was created, by bulkId. */
  readonly #ids: Map<string, string> = new Map();
  #errorsLeft: number;
  #isOver = false;

  constructor(requester: Requester, options: BulkOptions) {
    this.#requester = requester;
    this.#options = options;
    this.#errorsLeft = options.failOnErrors ?? Number.POSITIVE_INFINITY;
  }

  /** Sends a request. @returns the parts to be sent in its place, if it is too large all the same. */
  async run(
    chunk: readonly BulkOperation[],
  ): Promise<readonly (readonly BulkOperation[])[] | undefined> {
    if (this.#isOver) return undefined;
    const { signal, types = usualTypes } = this.#options;
    const body: BulkRequest = {
      schemas: [bulkRequestId],
      ...(this.#errorsLeft !== Number.POSITIVE_INFINITY && { failOnErrors: this.#errorsLeft }),
      Operations: chunk.map((operation) => withIds(operation, this.#ids, types)),
    };
    try {
      const secrets = secretsIn(body);
      const request = { method: "POST", path: "/Bulk", body, secrets } as const;
      this.#take(chunk, resultsIn(await this.#requester.send(request, signal)));
    } catch (error) {
      signal?.throwIfAborted();
      const halves = error instanceof TooManyError ? halved(chunk, types) : undefined;
      if (halves !== undefined) return halves;
      this.#fail(chunk, error);
    }
    return undefined;
  }

  #take(chunk: readonly BulkOperation[], results: readonly Result[]): void {
    for (const [operation, result] of matched(chunk, results)) {
      const outcome = this.#outcomeOf(operation, result);
      this.outcomes.set(operation, outcome);
      if (!outcome.done) this.#errorsLeft -= 1;
      else if (operation.bulkId !== undefined && outcome.id !== undefined) {
        this.#ids.set(operation.bulkId, outcome.id);
      }
    }
    if (this.#errorsLeft <= 0) this.#isOver = true;
    else if (chunk.some((operation) => !this.outcomes.has(operation))) {
      throw incomplete("The response to a bulk request does not contain all of its operations.");
    }
  }

  #outcomeOf(operation: BulkOperation, result: Result): BulkResult {
    const { location, version, response } = result;
    const status = failedStatusIn(response) ?? result.status;
    if (status >= 200 && status < 300) {
      const id = idIn(location);
      return {
        done: true,
        status,
        ...(id !== undefined && { id }),
        ...(location !== undefined && { location }),
        ...(version !== undefined && { version }),
      };
    }
    const { method, path, data } = operation;
    const { types = usualTypes } = this.#options;
    const type = types.find(({ endpoint }) => path === endpoint || path.startsWith(`${endpoint}/`));
    const id = method === "POST" ? undefined : idIn(path);
    const request = {
      method,
      stated: statedIn(data),
      ...(type !== undefined && { type }),
      ...(id !== undefined && { id }),
      ifVersion: operation.version,
    };
    return { done: false, error: typedError({ status, body: response }, request, secretsIn(data)) };
  }

  #fail(chunk: readonly BulkOperation[], error: unknown): void {
    if (!(error instanceof ConcordatError)) throw error;
    this.#isOver = true;
    for (const operation of chunk) {
      if (!this.outcomes.has(operation)) {
        this.outcomes.set(operation, { done: false, error });
      }
    }
  }
}

/** How an operation has ended, as the service provider says. RFC 7644 §3.7.3. */
interface Result {
  readonly method: string;
  readonly status: number;
  readonly bulkId?: string;
  readonly location?: string;
  readonly version?: string;
  readonly response: unknown;
}

/** What was carried out, and how it has ended cannot be read: it may have been done. */
function incomplete(message: string, cause?: unknown): UnavailableError {
  return new UnavailableError(message, {
    cause: cause ?? new ScimResponseError(message, 200),
    mayBeDone: true,
  });
}

function resultsIn({ body, unreadable }: ScimResponse): readonly Result[] {
  const operations = isObject(body) ? byName(body).get("operations") : undefined;
  if (!Array.isArray(operations)) {
    throw incomplete("The response to a bulk request is no BulkResponse.", unreadable);
  }
  return operations.map((operation: unknown) => {
    const result = byName(isObject(operation) ? operation : {});
    const text = (name: string): string | undefined => {
      const value = result.get(name);
      return typeof value === "string" ? value : undefined;
    };
    const [bulkId, location, version] = [text("bulkid"), text("location"), text("version")];
    // Some service providers still have what a draft had: { "status": { "code": "201" } }.
    const stated = result.get("status");
    const status = Number(isObject(stated) ? byName(stated).get("code") : stated);
    return {
      method: (text("method") ?? "").toUpperCase(),
      status: Number.isInteger(status) ? status : 0,
      ...(bulkId !== undefined && { bulkId }),
      ...(location !== undefined && { location }),
      ...(version !== undefined && { version }),
      response: result.get("response"),
    };
  });
}

/**
 * Which result is that of which operation: by bulkId; and of those without one, the first that is left of the same
 * method.
 */
function matched(
  operations: readonly BulkOperation[],
  results: readonly Result[],
): readonly (readonly [BulkOperation, Result])[] {
  const left = [...results];
  return operations.flatMap((operation) => {
    const { method, bulkId } = operation;
    const at = left.findIndex((result) =>
      method === "POST"
        ? result.bulkId === bulkId
        : result.method === method && isOf(operation, result),
    );
    const [result] = at === -1 ? [] : left.splice(at, 1);
    return result === undefined ? [] : [[operation, result] as const];
  });
}

/** Whether a result can be that of an operation on a resource: of a failure there need be no location. */
function isOf({ path }: BulkOperation, { location }: Result): boolean {
  return location === undefined || path.includes("bulkId:") || idIn(location) === idIn(path);
}

function halved(
  chunk: readonly BulkOperation[],
  types: readonly ResourceType[],
): readonly (readonly BulkOperation[])[] | undefined {
  const middle = chunk.length / 2;
  const cuts = [...cutsIn(chunk, types)].filter((cut) => cut < chunk.length);
  const [cut] = cuts.sort((one, other) => Math.abs(one - middle) - Math.abs(other - middle));
  return cut === undefined ? undefined : [chunk.slice(0, cut), chunk.slice(cut)];
}
