import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { InvalidValueError, UnavailableError, UniquenessError } from "concordat";
import { RequestTracker } from "../client.ts";
import { RequestTrackerUsers } from "../users.ts";

/** A server that answers with what it is told to, in this order, as Request Tracker does. */
async function answering(
  ...answers: readonly { status?: number; location?: string; body: unknown }[]
) {
  const left = [...answers];
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { status = 200, location, body } = left.shift() ?? { status: 500, body: {} };
    response.writeHead(status, location === undefined ? {} : { location });
    response.end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  const rt = new RequestTracker({ url: `http://127.0.0.1:${address.port}/`, token: "t" });
  return { users: new RequestTrackerUsers(rt), asked, close };
}

const ada = { id: 29, Name: "ada", Disabled: "0" };

test("a name that is taken is refused, with the id of who has it, though the answer is 200", async () => {
  const { users, close } = await answering(
    { body: ada },
    { body: ["User ada: Name in use"] },
    { body: ada },
    { body: { items: [{ id: 31, Name: "Grace" }] } },
  );
  await assert.rejects(users.modify("29", { set: { userName: "grace" } }), (error) => {
    assert.ok(error instanceof UniquenessError);
    assert.equal(error.resourceId, "31");
    return true;
  });
  close();
});

test("a name that is taken is refused as such, though the address changes with it, and the address is given back", async () => {
  const { users, asked, close } = await answering(
    { body: ada },
    {
      body: [
        "User ada: Name in use",
        'User ada: EmailAddress changed from (no value) to "grace@example.com"',
      ],
    },
    { body: { ...ada, EmailAddress: "grace@example.com" } },
    { body: ["User ada: EmailAddress changed"] },
    { body: { items: [{ id: 31, Name: "grace" }] } },
  );
  const set = { userName: "grace", emails: [{ value: "grace@example.com" }] };
  await assert.rejects(users.modify("29", { set }), (error) => {
    assert.ok(error instanceof UniquenessError);
    assert.deepEqual([error.attribute, error.resourceId], ["userName", "31"]);
    return true;
  });
  assert.equal(asked[3], "PUT /REST/2.0/user/29");
  close();
});

test("an address that is taken is refused as such, whatever is said of other fields", async () => {
  const { users, close } = await answering(
    { body: ada },
    { body: ['User ada: RealName changed to "name in use"', "User ada: Email address in use"] },
    { body: { ...ada, RealName: "name in use" } },
    { body: ["User ada: RealName changed"] },
  );
  const set = { displayName: "name in use", emails: [{ value: "grace@example.com" }] };
  await assert.rejects(users.modify("29", { set }), (error) => {
    assert.ok(error instanceof UniquenessError);
    assert.equal(error.attribute, "emails.value");
    return true;
  });
  close();
});

test("a name of digits is refused before anything is asked", async () => {
  const { users, asked, close } = await answering();
  await assert.rejects(users.create({ userName: "4711" }), InvalidValueError);
  assert.deepEqual(asked, []);
  close();
});

test("a token that was revoked, an outage and an answer that is no JSON are waited for", async () => {
  const { users, close } = await answering(
    { status: 401, body: {} },
    { status: 502, body: "Bad Gateway" },
  );
  await assert.rejects(users.get("29"), UnavailableError);
  await assert.rejects(users.get("29"), UnavailableError);
  close();
  await assert.rejects(users.get("29"), UnavailableError);
});
