import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { createKey, createSigner, createVerifier, type Epoch, KeyRing } from "concordat/signing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { installedPeer } from "../foreign-peers.js";
import { startPythonPeer } from "./python-peer.js";

const peer = installedPeer("django-simple-sso");
const unlessInstalled = peer === undefined ? " (install the peer django-simple-sso)" : "";
const ofPeer = (epoch: Epoch): string => join(peer ?? "", epoch, "bin", "python");

/**
 * The two releases that sites with django-simple-sso have, and the one of Debian, without which continuous integration
 * fails.
 */
const releases: readonly (readonly [name: string, python: string, isLeftOut: boolean])[] = [
  [`itsdangerous 0.24${unlessInstalled}`, ofPeer("2011"), peer === undefined],
  [`itsdangerous 2.2.0${unlessInstalled}`, ofPeer("unix"), peer === undefined],
  debianRelease(),
];

function debianRelease(): readonly [name: string, python: string, isLeftOut: boolean] {
  const python = "/usr/bin/python3";
  const isInstalled = spawnSync(python, ["-c", "import itsdangerous"]).status === 0;
  const isLeftOut = !isInstalled && process.env["CI"] !== "true";
  const what = isLeftOut ? " (install the Debian package python3-itsdangerous)" : "";
  return [`itsdangerous of Debian${what}`, python, isLeftOut];
}

const secret = "a secret of more than thirty-two bytes";
const key = createKey({ id: "consumer", secret });

for (const [name, python, isLeftOut] of releases) {
  describe.skipIf(isLeftOut)(`a peer with ${name}`, () => {
    const documents = fc.oneof(
      fc.jsonValue(),
      // Long enough to be compressed in URLs.
      fc.string({ unit: "grapheme" }).map((text) => text.repeat(50)),
    );

    test.each<Epoch>(["2011", "unix"])(
      "verifies what is signed here, counted from %s",
      async (epoch) => {
        await using peer = startPythonPeer(python, "itsdangerous-peer.py");
        const signer = createSigner({ profile: "simple-sso", keys: new KeyRing([key]), epoch });
        await fc.assert(
          fc.asyncProperty(documents, async (value) => {
            const payload = JSON.stringify(value);
            const expected = [JSON.parse(payload)];
            const body = {
              do: "verify",
              epoch,
              secret,
              kind: "body",
              signed: signer.sign(payload),
            };
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
        await using peer = startPythonPeer(python, "itsdangerous-peer.py");
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
      await using peer = startPythonPeer(python, "itsdangerous-peer.py");
      const verify = { do: "verify", epoch: "2011", secret, kind: "body" };
      const signer = createSigner({ profile: "simple-sso" });
      const changed = signer.sign('"a"', key).replace("a", "b");
      expect(await peer.ask({ ...verify, signed: changed })).toBe("BadTimeSignature");
      const old = createSigner({ profile: "simple-sso", now: () => new Date(Date.now() - 10_000) });
      expect(await peer.ask({ ...verify, signed: old.sign('"a"', key) })).toBe("SignatureExpired");
    });
  });
}
