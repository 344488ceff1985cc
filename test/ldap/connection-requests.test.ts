import { type ConnectOptions, connect, type LdapSearchRequest } from "concordat/ldap";
import { describe, expect, test } from "vitest";
import {
  bindResponse,
  idOf,
  operationOf,
  requestTag,
  type ScriptedServer,
  searchDone,
  startScriptedServer,
} from "./scripted-server.js";

/** A server that agrees to everything and keeps the requests, in hexadecimal, in order. */
async function agreeableServer(): Promise<
  ScriptedServer & { readonly requests: string[]; readonly left: Promise<void> }
> {
  const requests: string[] = [];
  const { promise: left, resolve: leave } = withResolvers();
  const server = await startScriptedServer(async (peer) => {
    for (;;) {
      const request = await peer.request();
      if (request === undefined) return leave();
      requests.push(request.toString("hex"));
      if (operationOf(request) === requestTag.bind) peer.send(bindResponse(idOf(request)));
      if (operationOf(request) === requestTag.search) peer.send(searchDone(idOf(request)));
    }
  });
  return Object.assign(server, { requests, left });
}

/** What a client sends that connects with these options, makes these searches, and closes. */
async function requestsOf(
  options: Omit<ConnectOptions, "url">,
  ...searches: readonly LdapSearchRequest[]
): Promise<readonly string[]> {
  await using server = await agreeableServer();
  const connection = await connect({ ...options, url: server.url });
  for (const request of searches) {
    for await (const _ of connection.search(request));
  }
  await connection.close();
  await server.left;
  return server.requests;
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

const unbind = (id: string) => `300502${id}4200`;

describe("the bytes on the wire", () => {
  test("an anonymous connection sends nothing until it takes its leave", async () => {
    expect(await requestsOf({})).toEqual([unbind("0101")]);
  });

  test("a simple bind: version 3, the name, and the password under [0] (RFC 4511 §4.2)", async () => {
    const bind = { method: "simple", dn: "cn=a", password: "pässword" } as const;
    expect(await requestsOf({ allowCleartext: true, bind })).toEqual([
      "301902010160140201030404636e3d61800970c3a47373776f7264",
      unbind("0102"),
    ]);
  });

  test("a bind with SASL EXTERNAL and no identity has empty credentials (RFC 4513 §5.2.3)", async () => {
    expect(await requestsOf({ bind: { method: "external" } })).toEqual([
      "30180201016013020103 0400 a30c 040845585445524e414c 0400".replaceAll(" ", ""),
      unbind("0102"),
    ]);
  });

  test("a bind with SASL EXTERNAL names the identity to act as", async () => {
    const bind = { method: "external", authorizationId: "dn:cn=b" } as const;
    expect((await requestsOf({ bind }))[0]).toBe(
      "301f020101601a020103 0400 a313 040845585445524e414c 0407646e3a636e3d62".replaceAll(" ", ""),
    );
  });

  test("a search with nothing but a base and a filter asks for all below, without limits", async () => {
    expect(await requestsOf({}, { base: "o=x", filter: "(cn=*)" })).toEqual([
      [
        "301f 020101 631a",
        "04036f3d78", // base
        "0a0102 0a0100", // the whole subtree, aliases never dereferenced
        "020100 020100 010100", // no limits, values wanted
        "8702636e", // filter
        "3000", // all user attributes
      ]
        .join("")
        .replaceAll(" ", ""),
      unbind("0102"),
    ]);
  });

  test("a search with everything", async () => {
    const request: LdapSearchRequest = {
      base: "",
      scope: "one",
      filter: "(cn=*)",
      attributes: ["cn", "+"],
      sizeLimit: 1000,
      timeLimit: 60,
      typesOnly: true,
      controls: [
        { oid: "1.2.3.4", critical: true, value: Buffer.from("0a0103", "hex") },
        { oid: "1.2.3.5" },
      ],
    };
    expect((await requestsOf({}, request))[0]).toBe(
      [
        "3044 020101 631f",
        "0400",
        "0a0101 0a0100",
        "020203e8 02013c 0101ff",
        "8702636e",
        "3007 0402636e 04012b",
        "a01e",
        "3011 0407312e322e332e34 0101ff 04030a0103",
        "3009 0407312e322e332e35", // not critical is the default and left out (RFC 4511 §5.1)
      ]
        .join("")
        .replaceAll(" ", ""),
    );
  });

  test("one level and the base object are their own scopes", async () => {
    const [base] = await requestsOf({}, { base: "", scope: "base", filter: "(cn=*)" });
    expect(base).toContain("04000a01000a0100");
  });

  test.each([
    ["sizeLimit", -1],
    ["sizeLimit", 1.5],
    ["timeLimit", 2 ** 31],
    ["timeLimit", Number.NaN],
  ])("a %s of %d is refused before anything is sent", async (name, value) => {
    await using server = await agreeableServer();
    await using connection = await connect({ url: server.url });
    const search = connection.search({ base: "", filter: "(cn=*)", [name]: value });
    await expect(search.next()).rejects.toMatchObject({ code: "invalid_value", path: name });
    expect(server.requests).toEqual([]);
  });
});
