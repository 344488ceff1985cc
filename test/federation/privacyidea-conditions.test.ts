import { rm } from "node:fs/promises";
import {
  type ConditionSource,
  conditionNames,
  DefinitionError,
  EventPipeline,
  EventRequest,
  readEventRules,
} from "concordat/federation";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PythonPeer, startPythonPeer } from "../integration/python-peer.js";
import { conditionPairs, type KnownFacts, knownFacts } from "./condition-pairs.js";
import { CountingHandler } from "./counting-handler.js";
import { installedPrivacyIdea, privacyIdeaFolder } from "./privacyidea.js";

/** Whether a condition is fulfilled; `refused` where no rule may have it, `error` where deciding it fails. */
type Said = boolean | "refused" | "error";

describe.skipIf(installedPrivacyIdea === undefined)(
  "conditions beside the code of privacyIDEA 3.14 (install the privacyidea peer)",
  () => {
    let peer: PythonPeer;
    let folder: string;

    beforeAll(async () => {
      const made = await privacyIdeaFolder();
      folder = made.folder;
      peer = startPythonPeer(made.python, "../federation/privacyidea-peer.py", [
        made.configuration,
      ]);
      await peer.ask({ ask: "unquotes", agent: "" });
    }, 120_000);

    afterAll(async () => {
      await peer?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    });

    test("are fulfilled by the same, but for what the conformance table names", async () => {
      const pairs = conditionPairs(2_800);
      expect(new Set(pairs.map(({ name }) => name))).toEqual(new Set(conditionNames()));
      const unexplained: unknown[] = [];
      const explained = new Set<string>();
      for (const { name, value } of pairs) {
        const here = await saidHere(name, value);
        const answer = await peer.ask({ ask: "condition", name, value, facts: knownFacts });
        const there: Said = typeof answer === "boolean" ? answer : "error";
        // What is an error there, or never fulfilled, may as well be refused with the rule.
        if (here === there || (there !== true && here !== true)) continue;
        const difference = await differenceOf(peer, name, value, here);
        if (difference === undefined) unexplained.push([name, value, here, answer]);
        else explained.add(difference);
      }
      expect(unexplained).toEqual([]);
      // A difference that is none any more is to be taken out of the table.
      expect([...explained].sort()).toEqual(Object.keys(differences).sort());
    }, 300_000);
  },
);

/** The differences that docs/federation-conformance.md names, by what they are about. */
const differences: Readonly<
  Record<string, (name: string, value: string, here: Said, dates: Dates) => boolean>
> = {
  "realms without regard to case": (name, value) => /realm/.test(name) && /[A-Z]/.test(value),
  "spaces in lists": (_name, value) => /, | $|^ /.test(value) && !/[=<>']/.test(value),
  "what is true": (name, value) =>
    /^token_(locked|validity_period)$/.test(name) && /^(true|TRUE|1)$/.test(value),
  "digits of other scripts": (_name, value, here) => here === "refused" && /[٠-٩]/.test(value),
  "braces in tokeninfo": (name, value) => name === "tokeninfo" && /\{(?!now\})/.test(value),
  "the present time in counters and containers": (name, value) =>
    /^(counter|container_info)$/.test(name) && value.includes("{now}"),
  "dates without a time zone": (_name, _value, _here, { zones }) =>
    zones.length === 2 && zones[0] !== zones[1],
  "dates in other notations": (_name, _value, _here, { isDate, zones }) =>
    isDate && zones.length < 2,
};

/** What two sides of a comparison are as dates. */
interface Dates {
  /** Whether dateutil makes dates of both. */
  readonly isDate: boolean;
  /** Of each that is an instant of ISO 8601, whether it has a time zone. */
  readonly zones: readonly boolean[];
}

async function differenceOf(
  peer: PythonPeer,
  name: string,
  value: string,
  here: Said,
): Promise<string | undefined> {
  const [key = "", right = ""] = value
    .replace(/\{now\}([+-]\d+[dm])?/, "2026-11-22T12:00+0000")
    .split(/'.*?'|[!=<>]+/)
    .map((part) => part.trim());
  const info = { ...knownFacts.token.info, ...knownFacts.user.info, ...knownFacts.container.info };
  const sides = [String(info[key] ?? ""), right];
  const isDate = await Promise.all(sides.map((text) => peer.ask({ ask: "is_date", text })));
  const iso = /^\d{4}(-?)\d\d\1\d\d(.\d\d.*?)?(Z|[+-]\d\d:?\d\d)?$/;
  const zones = sides.flatMap((text) => {
    const match = iso.exec(text);
    return match === null ? [] : [match[3] !== undefined];
  });
  const dates = { isDate: isDate.every((one) => one === true), zones };
  return Object.entries(differences).find(([, isSo]) => isSo(name, value, here, dates))?.[0];
}

async function saidHere(name: string, value: string): Promise<Said> {
  const handler = new CountingHandler();
  let pipeline: EventPipeline;
  try {
    pipeline = new EventPipeline({
      rules: readEventRules(
        [
          {
            name: "rule",
            handlermodule: "Counting",
            event: "validate_check",
            conditions: { [name]: value },
            action: "count",
            uncheckable: true,
          },
        ],
        [handler],
      ),
      handlers: [handler],
      conditions: hostOf(knownFacts),
      clientOf: () => knownFacts.address,
      now: () => knownFacts.now,
    });
  } catch (error) {
    if (error instanceof DefinitionError) return "refused";
    throw error;
  }
  const { serial, containerSerial } = { serial: "HOTP1", containerSerial: "SMPH1" };
  const request = new EventRequest({
    method: "GET",
    target: `/validate/check?serial=${serial}&container_serial=${containerSerial}`,
    fields: [],
    content: new Uint8Array(),
  });
  await pipeline.run("validate_check", request, async () => ({
    status: 200,
    fields: ["content-type", "application/json"],
    content: Buffer.from(JSON.stringify(knownFacts.answer)),
  }));
  return handler.count === 1;
}

/** A host that knows what the test says. */
function hostOf({
  user,
  token,
  container,
  challenges,
  counters,
  role,
}: KnownFacts): ConditionSource {
  const { tokens, ...ofContainer } = container;
  return {
    user: async () => user,
    token: async () => ({ ...token, lastAuthentication: new Date(token.lastAuthentication) }),
    container: async () => ({
      ...ofContainer,
      hasOwner: container.resolvers.length > 0,
      hasToken: tokens.length > 0,
      lastAuthentication: new Date(container.lastAuthentication),
      lastSynchronization: new Date(container.lastSynchronization),
    }),
    challenges: async () => challenges,
    counter: async (name) => counters[name],
    role: async () => role,
  };
}
