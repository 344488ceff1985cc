import { spawnSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pythonFloat, signResponse } from "../../src/federation/internal.js";
import { pythonJson } from "../../src/federation/rewrite/python-json.js";
import { verifyResponse } from "../../src/federation/rewrite/response-signature.js";
import vectors from "../vectors/privacyidea-signed-answers.json" with { type: "json" };

const python = spawnSync("python3", ["--version"]).status === 0;

/** What Python makes of some JSON texts. */
function inPython(texts: readonly string[]): readonly string[] {
  const script = `
import json, sys
texts = json.load(sys.stdin)
json.dump([json.dumps(json.loads(text), sort_keys=True) for text in texts], sys.stdout)`;
  const { stdout } = spawnSync("python3", ["-c", script], {
    input: JSON.stringify(texts),
    encoding: "utf8",
    maxBuffer: 64 * 1_048_576,
  });
  return JSON.parse(stdout) as string[];
}

describe("Python's form of JSON", () => {
  test.each([
    ["0.1", "0.1"],
    ["1.0", "1.0"],
    ["-0.0", "-0.0"],
    ["-0", "0"],
    ["1e5", "100000.0"],
    ["1E16", "1e+16"],
    ["123456789012345680.0", "1.2345678901234568e+17"],
    ["9999999999999998.0", "9999999999999998.0"],
    ["0.0001", "0.0001"],
    ["0.00001", "1e-05"],
    ["1.5e-7", "1.5e-07"],
    ["5e-324", "5e-324"],
    ["1e999", "Infinity"],
    ["123456789012345678901234567890", "123456789012345678901234567890"],
    ["1795289449.7186844", "1795289449.7186844"],
    ['"\\u007f\\u00e9\\ud83d\\ude00\\/\\b"', '"\\u007f\\u00e9\\ud83d\\ude00/\\b"'],
    ['{"b":1,"a":[true,null,{}] , "b":2}', '{"a": [true, null, {}], "b": 2}'],
    ['{"\\uffff":1,"\\ud83d\\ude00":2}', '{"\\uffff": 1, "\\ud83d\\ude00": 2}'],
    ['{"__proto__":{"x":1}}', '{"__proto__": {"x": 1}}'],
  ])("%s is %s", (text, expected) => {
    expect(pythonJson(text)).toBe(expected);
  });

  test.each(["NaN", "{'a':1}", '{"a":1,}', "", `${"[".repeat(70)}${"]".repeat(70)}`])(
    "%s is refused",
    (text) => {
      expect(() => pythonJson(text)).toThrow(SyntaxError);
    },
  );

  test.skipIf(!python)("is what Python makes of any JSON (python3)", () => {
    const texts = fc.sample(fc.json({ maxDepth: 4, stringUnit: "binary" }), {
      numRuns: 2_000,
      seed: 3,
    });
    const floats = fc.sample(fc.double({ noNaN: true, noDefaultInfinity: true }), {
      numRuns: 5_000,
      seed: 4,
    });
    const all = [...texts, ...floats.map((float) => `[${float}]`), "[1e23, 1.0e15, 1e+2]"];
    expect(all.map(pythonJson)).toEqual(inPython(all));
    const whole = [1, -3, 1e15, 2 ** 53, 1e16, 1e22].map(pythonFloat);
    expect(whole).toEqual([
      "1.0",
      "-3.0",
      "1000000000000000.0",
      "9007199254740992.0",
      "1e+16",
      "1e+22",
    ]);
  });
});

describe("the signature of an answer", () => {
  const publicKey = createPublicKey(vectors.publicKey);

  test.for(vectors.answers)("that privacyIDEA's code has made is right: $text", (vector) => {
    expect(pythonJson(vector.text)).toBe(vector.canonical);
    expect(verifyResponse(vector.signed, publicKey)).toBe(true);
    // The form in which it is sent does not matter.
    expect(verifyResponse(JSON.stringify(JSON.parse(vector.signed), null, 2), publicKey)).toBe(
      !/\.0|e1|\d{20}/.test(vector.text),
    );
  });

  test.each([
    ["another value", '"status": true', '"status": false'],
    ["another signature", "rsa_sha256_pss:", "rsa_sha256_pss:00"],
    ["another version of signatures", "rsa_sha256_pss:", "rsa_sha1:"],
    ["no signature", '"signature"', '"signed"'],
    ["one more signature", '"signature"', '"signature": "x", "signature"'],
    ["no hexadecimal number", "rsa_sha256_pss:", "rsa_sha256_pss:x"],
  ])("is wrong with %s", (_name, from, to) => {
    const signed = vectors.answers[3]?.signed ?? "";
    expect(verifyResponse(signed, publicKey)).toBe(true);
    const changed = signed.replace(from, to);
    expect(changed).not.toBe(signed);
    expect(verifyResponse(changed, publicKey)).toBe(false);
  });

  test("is wrong over the signature of another instance, as privacyIDEA's parent makes it", () => {
    const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const child = vectors.answers[3]?.signed ?? "";
    // Ours is made over the answer without the child's.
    const signed = signResponse(child, keys.privateKey);
    expect(verifyResponse(signed, keys.publicKey)).toBe(true);
    expect(signed.match(/"signature"/g)).toHaveLength(1);
  });

  test.skipIf(!python)(
    "is one that Python's cryptography takes (python3-cryptography)",
    ({ skip }) => {
      const { privateKey, publicKey: key } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const signed = signResponse('{"result": {"value": 1.0}, "text": "Zo\u00eb"}', privateKey);
      const script = `
import sys, json
try:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding
except ImportError:
    print("missing"); sys.exit()
given = json.load(sys.stdin)
answer = json.loads(given["signed"])
version, signature = answer.pop("signature").split(":")
key = serialization.load_pem_public_key(given["key"].encode())
key.verify(bytes.fromhex(signature), json.dumps(answer, sort_keys=True).encode(),
           padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH), hashes.SHA256())
print(version)`;
      const { stdout, stderr } = spawnSync("python3", ["-c", script], {
        input: JSON.stringify({ signed, key: key.export({ type: "spki", format: "pem" }) }),
        encoding: "utf8",
      });
      if (stdout.trim() === "missing") skip("python3 has no module cryptography");
      expect([stdout.trim(), stderr]).toEqual(["rsa_sha256_pss", ""]);
    },
  );
});

test("a text may have any number of lists beside each other, and is refused if they are too deep", () => {
  const beside = Array.from({ length: 100 }, () => "[]").join(", ");
  expect(pythonJson(`[${beside}]`)).toBe(`[${beside}]`);
  expect(() => pythonJson("[".repeat(65) + "]".repeat(65))).toThrow(SyntaxError);
});
