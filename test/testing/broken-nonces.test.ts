import { InMemoryNonceRepository, type Nonce } from "concordat/repositories";
import { nonceRepositoryContract } from "concordat/testing";
import { type Flaw, testFlaws } from "./flaws.js";

const nonces: readonly Flaw[] = [
  {
    flaw: "looks first and stores later",
    cases: nonceRepositoryContract(
      () =>
        new (class extends InMemoryNonceRepository {
          readonly #seen = new Set<string>();
          override async take({ scope, value }: Nonce): Promise<boolean> {
            const key = JSON.stringify([scope, value]);
            const isNew = !this.#seen.has(key);
            await new Promise(setImmediate);
            this.#seen.add(key);
            return isNew;
          }
        })(),
    ),
    caughtBy: "of 100 concurrent takes of one nonce exactly one is the first",
  },
  {
    flaw: "forgets the scope",
    cases: nonceRepositoryContract(
      () =>
        new (class extends InMemoryNonceRepository {
          override async take(nonce: Nonce): Promise<boolean> {
            return super.take({ ...nonce, scope: "" });
          }
        })(),
    ),
    caughtBy: "scopes and values are kept apart, whatever they hold",
  },
  {
    flaw: "joins the scope and the value",
    cases: nonceRepositoryContract(
      () =>
        new (class extends InMemoryNonceRepository {
          override async take({ scope, value, expiresAt }: Nonce): Promise<boolean> {
            return super.take({ scope: "", value: scope + value, expiresAt });
          }
        })(),
    ),
    caughtBy: "scopes and values are kept apart, whatever they hold",
  },
  {
    flaw: "shortens how long a nonce is kept when it is seen again",
    cases: nonceRepositoryContract(
      () =>
        new (class extends InMemoryNonceRepository {
          readonly #expiries = new Map<string, Date>();
          override async take({ value, expiresAt }: Nonce): Promise<boolean> {
            const known = this.#expiries.get(value);
            this.#expiries.set(value, expiresAt);
            return known === undefined || known.getTime() <= Date.now();
          }
        })(),
    ),
    caughtBy: "a nonce is taken once",
  },
  {
    flaw: "forgets everything when it is to purge",
    cases: nonceRepositoryContract(
      () =>
        new (class extends InMemoryNonceRepository {
          #seen = new Set<string>();
          override async take({ value }: Nonce): Promise<boolean> {
            const isNew = !this.#seen.has(value);
            this.#seen.add(value);
            return isNew;
          }
          override async purge(): Promise<number> {
            this.#seen = new Set();
            return 1;
          }
        })(),
    ),
    caughtBy: "purge forgets what has expired, and nothing else",
  },
];

testFlaws("nonces", nonces);
