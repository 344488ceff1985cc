import type { Change, ChangeBatch } from "concordat/changes";
import { expect, test } from "vitest";
import { type Call, groupsOf, interferedWith, onEveryTarget } from "./stores.js";
import { dn, follow, gone, live, person, present, refresh, scripted, team } from "./streams.js";

// The directory put Ann into a group and renamed her, and rewrote the group without telling. Of the group is told what
// was before.
const asTold = team("g", "staff", [dn("cn=ann")]);
const asItIs = team("g", "staff", [dn("cn=anna")]);
const renamed = person("1", "anna");
/** Somebody else has taken her former name. */
const taker = person("2", "ann");

/** A refresh that resumes from a checkpoint and tells what has changed since, in these batches. */
function resumed(...batches: readonly (readonly Change[])[]): readonly ChangeBatch[] {
  return [
    { phase: "snapshot", refresh: "begins", changes: [] },
    ...batches.map(
      (changes): ChangeBatch => ({ phase: "snapshot", refresh: "continues", changes }),
    ),
    { phase: "snapshot", refresh: "ends", changes: [gone("9")], checkpoint: "later" },
  ];
}

const tellings: readonly (readonly [string, readonly ChangeBatch[]])[] = [
  ["live, in one batch", [live([asTold, renamed], "later")]],
  ["live, one after the other", [live([asTold], "soon"), live([renamed], "later")]],
  ["live, just before it was rewritten", [live([renamed, asTold], "later")]],
  ["live, and her name is taken", [live([asTold, renamed, taker], "later")]],
  ["in one batch of a refresh", resumed([asTold, renamed])],
  ["in two batches of a refresh", resumed([asTold], [renamed])],
  ["in one batch of a refresh, and her name is taken", resumed([asTold, renamed, taker])],
  ["in one batch of a refresh, after her name was taken", resumed([asTold, taker, renamed])],
  ["in a refresh that tells of the taker last", resumed([asTold], [renamed], [taker])],
  ["in a refresh that tells of the taker first", resumed([asTold], [taker], [renamed])],
  ["by a refresh, and live after that", [...resumed([asTold]), live([renamed, taker], "latest")]],
];

onEveryTarget(({ open }) => {
  const begin = async () => {
    const target = await open();
    const known = refresh([person("1", "ann"), person("2", "bob"), team("g", "staff", [])]);
    await follow(scripted(known), target);
    return target;
  };

  test.for(tellings)(
    "a group means whom it meant before it was rewritten, although it cannot be read at first: %s",
    async ([, batches]) => {
      for (let failures = 0; failures < 3; failures++) {
        const target = await begin();
        let left = failures;
        const reread = async () => {
          if (left-- > 0) throw new Error("The connection was cut.");
          return [asItIs];
        };
        await follow({ ...scripted(batches), reread }, target);
        for (let times = 0; times < 2; times++) {
          await follow({ ...scripted(resumed([present("1", "2", "g")])), reread }, target);
        }
        expect(await groupsOf(target), `after ${failures} failures`).toEqual({ staff: ["anna"] });
      }
    },
  );

  test.for(tellings)(
    "a group means whom it meant before it was rewritten, whatever the last write of the process was: %s",
    async ([, batches]) => {
      for (let writes = 0, died = true; died; writes++) {
        const target = await begin();
        const reread = async () => [asItIs];
        let left = writes;
        const mortal = interferedWith(target, {
          before: (call) => {
            if (left < 0 || (isWrite(call) && left-- <= 0)) throw new Error("It has ended.");
          },
        });
        const once = { outages: { attempts: 1 } };
        await follow({ ...scripted(batches), reread }, mortal, once).catch(() => undefined);
        died = left < 0;
        // What was not acknowledged is told anew, as it is by now; of the rest, that nothing has changed.
        const position = await target.checkpoints.load("directory");
        const isTold = position?.checkpoint === batches.at(-1)?.checkpoint;
        const names = batches.some(({ changes }) => changes.includes(taker)) ? [taker] : [];
        const again = isTold ? [present("1", "2", "g")] : [renamed, ...names];
        const group = position?.checkpoint === "refreshed" ? [asItIs] : [present("g")];
        await follow({ ...scripted(resumed([...again, ...group])), reread }, target);
        expect(await groupsOf(target), `after ${writes} writes`).toEqual({ staff: ["anna"] });
      }
    },
  );
});

/** Whether a call changes anything. */
function isWrite({ method }: Call): boolean {
  return /^(write|save|set|mark|remove|delete)/.test(method);
}
