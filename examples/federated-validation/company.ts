import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfiguredServers, type Federation, federate, type Handler } from "concordat/federation";
import { Authority } from "./authority.ts";
import { Instance } from "./instance.ts";
import { Journal } from "./journal.ts";
import { Token } from "./token.ts";

/**
 * A company with one address to authenticate at, its headquarters, which knows Ada and Alan. Bruno and Berta are known
 * to a division, which has two instances that share a database, so that one can take over from the other.
 */
export interface Company extends AsyncDisposable {
  /** Answers for the headquarters: what they do not know themselves, they ask the division. */
  readonly handler: Handler;
  readonly federation: Federation;
  /** The instances of the division. */
  readonly children: readonly [Instance, Instance];
  readonly journal: Journal;
  /** What the users have in their pockets. */
  readonly tokens: ReadonlyMap<string, Token>;
}

/** Founds a company, in a temporary folder that goes when it does. */
export async function foundCompany(): Promise<Company> {
  const folder = await mkdtemp(join(tmpdir(), "concordat-federation-"));
  const headquarters = await Authority.open(join(folder, "headquarters.sqlite"));
  // Two connections to one database, as two machines would have.
  const north = await Authority.open(join(folder, "division.sqlite"));
  const south = await Authority.open(join(folder, "division.sqlite"));
  const tokens = new Map<string, Token>();
  for (const user of ["ada", "alan", "bruno", "berta"]) {
    const token = new Token(`HOTP-${user}`);
    tokens.set(user, token);
    await (user.startsWith("a") ? headquarters : north).enrol(user, token);
  }
  const children = [
    new Instance("north", north.handler),
    new Instance("south", south.handler),
  ] as const;
  for (const child of children) await child.start();

  const federation = federateWith(headquarters, children);
  const journal = new Journal();
  return {
    handler: journal.around(federation.handler),
    federation,
    children,
    journal,
    tokens,
    async [Symbol.asyncDispose]() {
      await federation[Symbol.asyncDispose]();
      for (const child of children) await child.stop();
      for (const authority of [headquarters, north, south]) await authority.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** The few lines that matter. */
function federateWith(headquarters: Authority, children: readonly Instance[]): Federation {
  const servers = new ConfiguredServers(
    // A child elsewhere has an https URL, and no need to allow cleartext.
    children.map(({ name, url }) => ({ identifier: name, url, allowCleartext: true })),
  );
  const rules = [
    {
      name: "whoever is not known here may be known to the division",
      handlermodule: "Federation",
      event: ["validate_check"],
      position: "post",
      conditions: { detail_error_message: "^ERR904" },
      action: "forward",
      options: { privacyIDEA: children.map(({ name }) => name) },
    },
  ];
  return federate(headquarters.handler, {
    servers,
    rules,
    id: "headquarters",
    breaker: { failures: 3, pause: 1_000 },
  });
}
