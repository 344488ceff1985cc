import { connect, inspectDirectory } from "concordat/ldap";
import { expect, test } from "vitest";
import {
  entry,
  extendedResponse,
  idOf,
  operationOf,
  requestTag,
  searchDone,
  startScriptedServer,
} from "./scripted-server.js";

const whoAmI = "1.3.6.1.4.1.4203.1.11.3";

/** A server whose root DSE says this, and which does nothing. */
function serverThatSays(attributes: Readonly<Record<string, readonly string[]>>) {
  return startScriptedServer(async (peer) => {
    for (;;) {
      const request = await peer.request();
      if (request === undefined) return;
      const id = idOf(request);
      if (operationOf(request) === requestTag.search) {
        peer.send(entry(id, "", attributes), searchDone(id));
      } else if (operationOf(request) === requestTag.extended) peer.send(extendedResponse(id, 53));
    }
  });
}

test("a server that no reader is for is told by its own words, and why it is not followed", async () => {
  await using server = await serverThatSays({
    vendorName: ["Example Corp."],
    vendorVersion: ["7"],
    supportedExtension: [whoAmI],
  });
  const inspection = await inspectDirectory({ url: server.url, base: "o=x" });
  expect(inspection).toEqual({
    url: server.url,
    server: { kind: "unknown", vendorName: "Example Corp.", vendorVersion: "7" },
    findings: [
      {
        topic: "dialect",
        effect: "refusal",
        message: expect.stringContaining("does not offer content synchronization"),
      },
    ],
  });
});

test("a server that does not say who is bound is a result", async () => {
  await using server = await serverThatSays({});
  await using connection = await connect({ url: server.url });
  await expect(connection.whoAmI()).rejects.toMatchObject({
    code: "ldap_result",
    resultName: "unwillingToPerform",
  });
});
