import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { watchDirectory } from "concordat/ldap";
import { inMemoryTarget } from "concordat/repositories";
import {
  clientRequestChannelName,
  type RemoteRepositoriesOptions,
  remoteRepositories,
  ScimClient,
} from "concordat/scim-client";
import { type Outcome, synchronize } from "concordat/sync";
import type { Directory } from "concordat/testing/directory";
import { type Difference, differencesOf } from "./content.js";
import type { ForeignProvider } from "./foreign-provider.js";
import {
  dnOf,
  expectedOf,
  groupDn,
  groupName,
  staffProfile,
  startStaff,
  suffix,
  uidOf,
} from "./staff.js";

/** How large the directory is, and what the client is told of the service provider. */
export interface Scenario {
  readonly people: number;
  readonly groups: number;
  readonly options?: RemoteRepositoriesOptions;
  /** How long a step may take until the service provider is what the directory is, in milliseconds. */
  readonly patience?: number;
}

/** How a scenario has ended. */
export interface ScenarioReport {
  /** Differences that no outcome gives a reason for, by the step after which they were there. */
  readonly unexplained: readonly string[];
  /** Differences that an outcome gives a reason for, at the end: the path, and the reason. */
  readonly explained: readonly { readonly text: string; readonly reason: string }[];
  /** How many requests the client has sent, by method. */
  readonly requests: ReadonlyMap<string, number>;
}

/** One thing that happens in the directory while it is followed. */
interface Step {
  readonly title: string;
  act(directory: Directory): void;
}

const person = (number: number): string => dnOf(uidOf(number));
const group = (number: number): string => groupDn(groupName(number));
const membersOf = (directory: Directory, number: number): readonly string[] =>
  directory.entry(group(number))?.attributes["member"] ?? [];
const set =
  (number: number, replace: Readonly<Record<string, string | readonly string[]>>) =>
  (directory: Directory): void =>
    void directory.modify(person(number), { replace });

/** What happens in the directory: whatever one department does in a year. */
const steps: readonly Step[] = [
  { title: "a title changes", act: set(2, { title: "Head of everything" }) },
  { title: "a title comes", act: set(1, { title: "Engineer" }) },
  { title: "a title goes", act: set(4, { title: [] }) },
  {
    title: "a given name goes, and comes",
    act: (directory) => {
      set(5, { givenName: [], cn: "Family5" })(directory);
      set(7, { givenName: "Ada", cn: "Ada Family7", displayName: "Ada Family7" })(directory);
    },
  },
  {
    title: "a telephone goes, another changes, one comes",
    act: (directory) => {
      set(3, { telephoneNumber: [] })(directory);
      set(6, { telephoneNumber: "+47 23 000006" })(directory);
      set(8, { telephoneNumber: "+47 23 000008", mobile: "+47 90 000008" })(directory);
    },
  },
  { title: "an address changes", act: set(9, { mail: "nine@example.com" }) },
  {
    title: "a department changes, one goes, and all of an extension goes",
    act: (directory) => {
      set(10, { departmentNumber: "99" })(directory);
      set(11, { departmentNumber: [] })(directory);
      set(13, { departmentNumber: [], o: [], employeeNumber: [] })(directory);
    },
  },
  {
    title: "somebody leaves, and comes back",
    act: (directory) => {
      set(14, { employeeType: "left" })(directory);
      set(12, { employeeType: "staff" })(directory);
    },
  },
  {
    title: "somebody is renamed",
    act: (directory) => {
      directory.rename(person(15), dnOf("renamed015"));
    },
  },
  {
    title: "a group is renamed",
    act: (directory) => void directory.rename(group(2), groupDn("crew")),
  },
  {
    title: "members come and go",
    act: (directory) => {
      directory.modify(group(3), { delete: { member: membersOf(directory, 3).slice(0, 2) } });
      const known = new Set(membersOf(directory, 4));
      const others = [1, 2, 3, 5].map(person).filter((dn) => !known.has(dn));
      directory.modify(group(4), { add: { member: others.slice(0, 2) } });
    },
  },
  {
    title: "all members are replaced",
    act: (directory) =>
      void directory.modify(group(6), {
        replace: { member: [person(20), person(21), person(22)] },
      }),
  },
  {
    title: "all members but one go, and that one",
    act: (directory) => {
      const [last = ""] = membersOf(directory, 7);
      directory.modify(group(7), { replace: { member: [last] } });
      directory.modify(group(7), { replace: { member: [] } });
    },
  },
  {
    title: "members come back",
    act: (directory) => {
      directory.modify(group(7), { add: { member: [person(7), person(8)] } });
      directory.modify(group(3), { add: { member: [person(3)] } });
    },
  },
  {
    title: "a group leaves a group",
    act: (directory) => {
      const member = [groupDn(groupName(1))];
      const [outer] = directory.entries({ filter: `(member=${member[0]})` });
      if (outer !== undefined) directory.modify(outer.dn, { delete: { member } });
    },
  },
  {
    title: "an address is taken, while somebody leaves",
    act: (directory) => {
      set(20, { mail: `${uidOf(21)}@example.com` })(directory);
      directory.add(dnOf("latecomer"), {
        ...{ objectClass: "inetOrgPerson", uid: "latecomer", cn: "Late Comer", sn: "Comer" },
        ...{ givenName: "Late", displayName: "Late Comer", employeeType: "staff" },
        mail: `${uidOf(21)}@example.com`,
      });
      set(22, { employeeType: "left" })(directory);
    },
  },
  {
    title: "the addresses are given back",
    act: (directory) => {
      set(20, { mail: `${uidOf(20)}@example.com` })(directory);
      directory.modify(dnOf("latecomer"), { replace: { mail: "latecomer@example.com" } });
    },
  },
  {
    title: "somebody is new",
    act: (directory) => {
      directory.add(dnOf("newcomer"), {
        objectClass: "inetOrgPerson",
        uid: "newcomer",
        cn: "New Comer",
        sn: "Comer",
        givenName: "New",
        displayName: "New Comer",
        mail: "newcomer@example.com",
        employeeType: "staff",
      });
      directory.modify(group(1), { add: { member: [dnOf("newcomer")] } });
    },
  },
  {
    title: "people and a group are deleted",
    act: (directory) => {
      for (const number of [16, 17]) directory.delete(person(number));
      directory.delete(group(8));
    },
  },
];

/** Follows a directory into a service provider, and compares the two after every step. */
export async function runScenario(
  provider: ForeignProvider,
  { people, groups: groupCount, options = {}, patience = 3_000 }: Scenario,
): Promise<ScenarioReport> {
  const requests = new Map<string, number>();
  const count = (event: unknown): void => {
    const { method } = event as { method: string };
    requests.set(method, (requests.get(method) ?? 0) + 1);
  };
  subscribe(clientRequestChannelName, count);
  try {
    await using directory = await startStaff(people, groupCount);
    const { baseUrl, authorization } = provider;
    await using client = new ScimClient({ baseUrl, authorization, allowCleartext: true });
    const { users, groups } = await remoteRepositories(client, options);
    if (groups === undefined) throw new Error("The service provider has no groups.");
    const { links, memberships, checkpoints } = inMemoryTarget({ transactions: false });
    const stop = new AbortController();
    const stream = watchDirectory({
      url: directory.url,
      base: suffix,
      profile: staffProfile,
      bind: { method: "simple", dn: directory.adminDn, password: directory.password },
      allowCleartext: true,
    });
    const reasons = new Reasons();
    const following = (async () => {
      const outcomes = synchronize(
        stream,
        { users, groups, links, memberships, checkpoints },
        {
          onDelete: "delete",
          maxDeletes: Number.POSITIVE_INFINITY,
          refusals: { delay: 500, maxDelay: 2_000 },
          signal: stop.signal,
        },
      );
      for await (const outcome of outcomes) reasons.take(outcome);
    })();
    const ended = following.catch((error: unknown) => error);
    const unexplained: string[] = [];
    let last: readonly Difference[] = [];
    let told = 0;
    const compare = async (title: string): Promise<void> => {
      const begun = performance.now();
      const deadline = begun + patience;
      let open: readonly Difference[];
      do {
        do {
          const error = await Promise.race([ended, sleep(50, "running")]);
          if (error !== "running") throw error;
          // What was written is told with a checkpoint, and then it is quiet.
        } while (
          performance.now() < begun + 20 * patience &&
          (reasons.checkpoints === told || performance.now() < reasons.last + 200)
        );
        last = await differencesOf(expectedOf(directory), provider);
        open = last.filter((difference) => reasons.of(difference) === undefined);
      } while (open.length > 0 && performance.now() < deadline);
      told = reasons.checkpoints;
      unexplained.push(...open.map(({ text }) => `${title}: ${text}`));
    };
    await compare("at first");
    for (const { title, act } of steps) {
      act(directory);
      await compare(title);
    }
    stop.abort();
    await ended;
    const explained = last.map((difference) => ({
      text: difference.text,
      reason: reasons.of(difference) ?? "none",
    }));
    return { unexplained, explained, requests };
  } finally {
    unsubscribe(clientRequestChannelName, count);
  }
}

/** What synchronisation said that it could not do, as long as it did not say that it has done it since. */
class Reasons {
  /** How many checkpoints there were. */
  checkpoints = 0;
  /** When something was last told. */
  last = performance.now();
  readonly #deferred = new Map<string, string>();
  readonly #members = new Map<string, string>();
  readonly #ignored = new Map<string, readonly string[]>();

  take(outcome: Outcome): void {
    if (process.env["CONCORDAT_TRACE"])
      appendFileSync(process.env["CONCORDAT_TRACE"], `${JSON.stringify(outcome)}\n`);
    this.last = performance.now();
    if (outcome.kind === "checkpoint") this.checkpoints += 1;
    switch (outcome.kind) {
      case "deferred":
        this.#deferred.set(outcome.sourceId, outcome.message);
        break;
      case "memberDeferred":
        this.#members.set(keyOf(outcome), outcome.message);
        break;
      case "ignored":
        this.#ignored.set(outcome.sourceId, outcome.attributes);
        break;
      case "memberAdded":
      case "memberRemoved":
        this.#members.delete(keyOf(outcome));
        break;
      default:
        if ("sourceId" in outcome) this.#deferred.delete(outcome.sourceId);
    }
  }

  of({ sourceId = "", name, path, member }: Difference): string | undefined {
    if (member !== undefined) return this.#members.get(`${name} ${member}`);
    if (path !== undefined && this.#ignored.get(sourceId)?.includes(path) === true)
      return "ignored";
    return this.#deferred.get(sourceId);
  }
}

function keyOf({
  group: { name: groupName },
  member: { type, name },
}: Extract<Outcome, { kind: "memberDeferred" | "memberAdded" | "memberRemoved" }>): string {
  return `${groupName} ${type}/${name}`;
}
