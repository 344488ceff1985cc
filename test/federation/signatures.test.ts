import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { startChild } from "concordat/testing/federation";
import { expect, test } from "vitest";
import { verifyResponse } from "../../src/federation/rewrite/response-signature.js";
import { rule, serverOf, startParent } from "./parent.js";

const users = [{ user: "a", realm: "r", pin: "", serial: "S", passwords: ["111111"] }];

function newKeys(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
}

const ofChild = newKeys();
const ofParent = newKeys();

test("the child's signature is verified and dropped, and the parent's own is right", async () => {
  await using child = await startChild({ users, key: ofChild.privateKey });
  await using parent = await startParent([serverOf(child, { responseKey: ofChild.publicKey })], {
    responseKey: ofParent.privateKey,
  });
  const response = await fetch(`${parent.url}/validate/check?user=a&pass=111111&nonce=mine`);
  const text = await response.text();
  expect(verifyResponse(text, createPublicKey(ofParent.publicKey))).toBe(true);
  expect(text.match(/"signature"/g)).toHaveLength(1);
  expect(JSON.parse(text)).toMatchObject({ result: { value: true }, nonce: "mine" });
  // The child was sent another one, since a client may use the same one again.
  expect(child.requests[0]?.parameters.get("nonce")).toMatch(/^[0-9a-f]{32}$/);
});

test("a fresh nonce is sent with every request, and returned to no client that has not sent one", async () => {
  await using child = await startChild({ users, key: ofChild.privateKey });
  await using parent = await startParent([serverOf(child, { responseKey: ofChild.publicKey })]);
  const texts = await Promise.all(
    [1, 2].map(async () => (await fetch(`${parent.url}/validate/check?user=a&pass=1`)).text()),
  );
  const nonces = child.requests.map(({ parameters }) => parameters.get("nonce"));
  expect(new Set(nonces).size).toBe(2);
  for (const text of texts) expect(text).not.toMatch(/nonce|signature/);
});

test("an error of the child is signed as well", async () => {
  await using child = await startChild({ key: ofChild.privateKey });
  await using parent = await startParent([serverOf(child, { responseKey: ofChild.publicKey })], {
    responseKey: ofParent.privateKey,
  });
  const response = await fetch(`${parent.url}/validate/check?user=nobody`);
  expect(response.status).toBe(400);
  expect(verifyResponse(await response.text(), createPublicKey(ofParent.publicKey))).toBe(true);
});

test("the next server of a rule is sent a nonce of its own, only if it signs", async () => {
  const gone = await startChild();
  await gone.stop();
  await using child = await startChild({ users });
  await using parent = await startParent(
    [serverOf(gone, { identifier: "gone", responseKey: ofChild.publicKey }), serverOf(child)],
    { rules: [rule({ options: { privacyIDEA: ["gone", "child"] } })] },
  );
  const response = await fetch(`${parent.url}/validate/check?user=a&pass=111111`);
  expect(JSON.parse(await response.text())).toMatchObject({ result: { value: true } });
  expect(child.requests[0]?.parameters.has("nonce")).toBe(false);
});

test.each([
  ["/validate/check", 204],
  ["/validate/radiuscheck", 200],
])(
  "an answer of a child that signs is refused if there is nothing in it: %s",
  async (path, status) => {
    await using child = await startChild({ users, key: ofChild.privateKey });
    child.fault = { kind: "bytes", status, content: "" };
    await using parent = await startParent([serverOf(child, { responseKey: ofChild.publicKey })]);
    const response = await fetch(`${parent.url}${path}?user=a&pass=111111`);
    expect(response.status).toBe(502);
    expect(await response.text()).toContain("is not signed with its key");
  },
);
