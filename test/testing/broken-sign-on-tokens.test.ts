import {
  InMemorySignOnTokenRepository,
  type SignOnToken,
  type SignOnTokenKey,
} from "concordat/repositories";
import { signOnTokenRepositoryContract } from "concordat/testing";
import { type Flaw, testFlaws } from "./flaws.js";

const tokens: readonly Flaw[] = [
  {
    flaw: "reads first and deletes later",
    cases: signOnTokenRepositoryContract(
      () =>
        new (class extends InMemorySignOnTokenRepository {
          override async take(key: SignOnTokenKey): Promise<SignOnToken | undefined> {
            const token = await this.get(key.kind, key.id);
            if (token?.consumer !== key.consumer) return undefined;
            await new Promise(setImmediate);
            await super.take(key);
            return token;
          }
        })(),
    ),
    caughtBy: "of 200 concurrent takes of one token exactly one is given it",
  },
  {
    flaw: "does not ask whose the token is",
    cases: signOnTokenRepositoryContract(
      () =>
        new (class extends InMemorySignOnTokenRepository {
          override async take(key: SignOnTokenKey): Promise<SignOnToken | undefined> {
            const token = await this.get(key.kind, key.id);
            return token === undefined ? undefined : await super.take(token);
          }
        })(),
    ),
    caughtBy: "another consumer does not find a token, and does not take it away",
  },
  {
    flaw: "has a clock that stands",
    cases: signOnTokenRepositoryContract(
      () => new InMemorySignOnTokenRepository({ now: () => new Date(0) }),
    ),
    caughtBy: "a token that has expired is as good as gone",
  },
  {
    flaw: "keeps one table for all kinds",
    cases: signOnTokenRepositoryContract(
      () =>
        new (class extends InMemorySignOnTokenRepository {
          override async save(token: SignOnToken): Promise<void> {
            await super.save({ ...token, kind: "access" });
          }
          override async take(key: SignOnTokenKey): Promise<SignOnToken | undefined> {
            return await super.take({ ...key, kind: "access" });
          }
        })(),
    ),
    caughtBy: "kinds and ids are kept apart, whatever they hold",
  },
];

testFlaws("sign-on tokens", tokens);
