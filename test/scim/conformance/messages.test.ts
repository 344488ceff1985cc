import { MutabilityError } from "concordat";
import { InvalidSyntaxError } from "concordat/scim";
import { expect, test } from "vitest";
import { vector } from "../../vectors/vector.js";

// The RFC prints some of these with a fault that the data files do not have: three dots for what is in a resource
// (§3.4.2.4), and no comma after each `scimType` (§3.7.3, §3.12). What is faulty and still JSON, they keep: `status` is
// an object in §3.7.2.

const messages = "urn:ietf:params:scim:api:messages:2.0";

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly bulkId?: string;
}

interface Result {
  readonly method: string;
  readonly bulkId?: string;
  readonly location?: string;
  readonly version?: string;
  readonly status: string | { readonly code: string };
  readonly response?: { readonly status: string; readonly scimType?: string };
}

function operationsOf<T>(name: string, message: "BulkRequest" | "BulkResponse"): readonly T[] {
  const { schemas, Operations } = vector<{ schemas: unknown; Operations: readonly T[] }>(name);
  expect(schemas).toEqual([`${messages}:${message}`]);
  return Operations;
}

/** What an answer says of an operation of its request. */
function named({ method, bulkId }: Operation | Result): object {
  return { method, bulkId };
}

test("rfc7644-3.4.2.4-list-response is the first page of ten", () => {
  expect(vector("rfc7644-3.4.2.4-list-response")).toEqual({
    schemas: [`${messages}:ListResponse`],
    totalResults: 100,
    itemsPerPage: 10,
    startIndex: 1,
    Resources: [{}],
  });
});

test.each([
  ["rfc7644-3.7.2-bulk-response", "rfc7644-3.7.2-bulk-request", ["201", "201"]],
  ["rfc7644-3.7.3-bulk-response", "rfc7644-3.7.3-bulk-request", ["201", "200", "200", "204"]],
  ["rfc7644-3.7.3-bulk-response-2", "rfc7644-3.7.3-bulk-request", ["400"]],
  ["rfc7644-3.7.3-bulk-response-3", "rfc7644-3.7.3-bulk-request", ["400", "412", "412", "404"]],
])("%s answers the operations of %s in their order", (answer, request, statuses) => {
  const results = operationsOf<Result>(answer, "BulkResponse");
  const operations = operationsOf<Operation>(request, "BulkRequest").slice(0, results.length);
  expect(results.map(named)).toEqual(operations.map(named));
  for (const [index, { method, location, version, status, response }] of results.entries()) {
    const code = typeof status === "string" ? status : status.code;
    const isDone = code.startsWith("2");
    expect(code).toBe(statuses[index]);
    expect(response?.status).toBe(isDone ? undefined : code);
    // A resource that could not be created is nowhere, and only one that is there has a version.
    expect(location === undefined).toBe(method === "POST" && !isDone);
    expect(version === undefined).toBe(method === "DELETE" || !isDone);
    if (method !== "POST")
      expect(location).toBe(`https://example.com/v2${operations[index]?.path}`);
    expect(response?.scimType).toBe(
      code === "400" ? new InvalidSyntaxError("").scimType : undefined,
    );
  }
});

const notFound = "Resource 2819c223-7f76-453a-919d-413861904646 not found";
const tooLarge = "The size of the bulk operation exceeds the maxPayloadSize (1048576).";

test.each([
  ["rfc7644-3.6-error", { status: "404", detail: notFound }],
  ["rfc7644-3.7.4-error", { status: "413", detail: tooLarge }],
  ["rfc7644-3.12-error", { status: "404", detail: notFound }],
  [
    "rfc7644-3.12-error-2",
    {
      status: "400",
      scimType: new MutabilityError("id", "").code,
      detail: "Attribute 'id' is readOnly",
    },
  ],
])("%s is an error with its status in digits", (name, error) => {
  expect(vector(name)).toEqual({ schemas: [`${messages}:Error`], ...error });
});
