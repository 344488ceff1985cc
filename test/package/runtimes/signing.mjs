import { InMemoryNonceRepository } from "concordat/repositories";
import { createKey, KeyRing, requestSigner, requestVerifier } from "concordat/signing";

const keys = new KeyRing([createKey({ id: "a", secret: "0123456789abcdef0123456789abcdef" })]);
const signer = requestSigner({ keys });

/** A request that is verified once, and refused when it comes again. */
export async function run() {
  const nonces = new InMemoryNonceRepository();
  const verifier = requestVerifier({ keys, nonces, origin: "https://example.com" });
  const signed = await signer.signRequest(
    new Request("https://example.com/a?b=c", { method: "POST", body: '{"d":1}' }),
  );
  const again = signed.clone();
  const { key } = await verifier.verifyRequest(signed);
  if (key.id !== "a") throw new Error("It is verified with another key.");
  const refusal = await verifier.verifyRequest(again).catch((error) => error.refusal?.code);
  if (refusal !== "replayed") throw new Error("It is taken twice.");
}
