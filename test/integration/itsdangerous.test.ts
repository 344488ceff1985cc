import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createKey, createSigner, createVerifier, type Epoch, KeyRing } from "concordat/signing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const python = "/usr/bin/python3";
const isInstalled = spawnSync(python, ["-c", "import itsdangerous"]).status === 0;
const what = "install the Debian package python3-itsdangerous";

/** Asks the peer, which has another process and another implementation. */
interface Peer extends AsyncDisposable {
  ask(request: object): Promise<unknown>;
}

function startPeer(): Peer {
  const program = fileURLToPath(new URL("itsdangerous-peer.py", import.meta.url));
  const child = spawn(python, [program], { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await answers.next();
      if (done === true) throw new Error("The peer has ended.");
      return JSON.parse(value);
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

/** Tests that need the peer, which are skipped without it, and fail in continuous integration. */
function describeWithPeer(name: string, body: () => void): void {
  if (isInstalled) describe(name, body);
  else if (process.env["CI"] === "true") {
    test(name, () => {
      throw new Error(`There is no itsdangerous here: ${what}.`);
    });
  } else {
    describe.skip(`${name} (${what})`, body);
  }
}

const secret = "a secret of more than thirty-two bytes";
const key = createKey({ id: "consumer", secret });

describeWithPeer("a peer with itsdangerous", () => {
  const documents = fc.oneof(
    fc.jsonValue(),
    // Long enough to be compressed in URLs.
    fc.string({ unit: "grapheme" }).map((text) => text.repeat(50)),
  );

  test.each<Epoch>(["2011", "unix"])(
    "verifies what is signed here, counted from %s",
    async (epoch) => {
      await using peer = startPeer();
      const signer = createSigner({ profile: "simple-sso", keys: new KeyRing([key]), epoch });
      await fc.assert(
        fc.asyncProperty(documents, async (value) => {
          const payload = JSON.stringify(value);
          const expected = [JSON.parse(payload)];
          const body = { do: "verify", epoch, secret, kind: "body", signed: signer.sign(payload) };
          expect(await peer.ask(body)).toEqual(expected);
          const url = { ...body, kind: "url", signed: signer.signUrlSafe(payload) };
          expect(await peer.ask(url)).toEqual(expected);
        }),
      );
    },
  );

  test.each<Epoch>(["2011", "unix"])(
    "signs what is verified here, counted from %s",
    async (epoch) => {
      await using peer = startPeer();
      const keys = new KeyRing([key]);
      const verifiers = [epoch, "auto" as const].map((accepted) =>
        createVerifier({ profile: "simple-sso", keys, epoch: accepted }),
      );
      await fc.assert(
        fc.asyncProperty(documents, async (payload) => {
          const expected = JSON.parse(JSON.stringify(payload));
          const body = await peer.ask({ do: "sign", epoch, secret, kind: "body", payload });
          const url = await peer.ask({ do: "sign", epoch, secret, kind: "url", payload });
          for (const verifier of verifiers) {
            for (const verification of [
              await verifier.verify(Buffer.from(String(body)), "consumer"),
              await verifier.verifyUrlSafe(String(url), "consumer"),
            ]) {
              if (!verification.verified) throw new Error(verification.refusal.code);
              expect(JSON.parse(verification.payload)).toEqual(expected);
            }
          }
        }),
      );
    },
  );

  test("refuses what was changed, and what is too old", async () => {
    await using peer = startPeer();
    const verify = { do: "verify", epoch: "2011", secret, kind: "body" };
    const signer = createSigner({ profile: "simple-sso" });
    const changed = signer.sign('"a"', key).replace("a", "b");
    expect(await peer.ask({ ...verify, signed: changed })).toBe("BadTimeSignature");
    const old = createSigner({ profile: "simple-sso", now: () => new Date(Date.now() - 10_000) });
    expect(await peer.ask({ ...verify, signed: old.sign('"a"', key) })).toBe("SignatureExpired");
  });
});
