import { type WatchOptions, watchDirectory } from "concordat/ldap";
import { type Directory, DirectoryError, startDirectory } from "concordat/testing/directory";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Mirror, Watching } from "./watching.js";

/** How often, for `npm run test:long` or by hand. */
const numRuns = Number(process.env["CONCORDAT_RUNS"] ?? 120);
const { CONCORDAT_SEED: named } = process.env;
const seed = named === undefined ? {} : { seed: Number(named) };

const base = "dc=example,dc=com";
const people = `ou=people,${base}`;
const names = ["ann", "bob", "cyd", "dan"];

type Write =
  | { readonly kind: "add" | "delete" | "leave" | "enter" | "title"; readonly uid: string }
  | { readonly kind: "rename"; readonly uid: string; readonly to: string };

/** What happens to the directory, or between it and its reader. */
type Event =
  | Write
  | { readonly kind: "read"; readonly batches: number }
  | { readonly kind: "undo"; readonly write: Write }
  /** Something is written in the middle of the next refresh, which neither that nor the changes after it report. */
  | { readonly kind: "duringRefresh"; readonly write: Write; readonly after: number }
  | { readonly kind: "stopReader" | "restartServer" | "forgetLog" };

const uid = fc.constantFrom(...names);
const write: fc.Arbitrary<Write> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("add", "delete", "title"), uid }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("leave", "enter"), uid }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("rename"), uid, to: uid }) },
);
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 10, arbitrary: write },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("undo"), write }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("duringRefresh"), write, after: fc.nat(4) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("read"), batches: fc.nat(12) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("stopReader") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("restartServer", "forgetLog") }) },
);

/** Titles that are all different, of both directories. */
let title = 0;

function change(directory: Directory, event: Write): void {
  const dn = (name: string) => `uid=${name},${people}`;
  try {
    switch (event.kind) {
      case "add": {
        const { uid } = event;
        directory.add(dn(uid), { objectClass: "inetOrgPerson", uid, cn: "x", sn: "x" });
        break;
      }
      case "delete":
        directory.delete(dn(event.uid));
        break;
      case "leave":
      case "enter":
        directory.modify(dn(event.uid), { replace: { employeeType: event.kind } });
        break;
      case "title":
        title += 1;
        directory.modify(dn(event.uid), { replace: { title: `t${title}` } });
        break;
      case "rename":
        directory.rename(dn(event.uid), dn(event.to));
        break;
    }
  } catch (error) {
    // There is no such entry now, or there is one already.
    if (!(error instanceof DirectoryError)) throw error;
  }
}

test.concurrent.each(["389ds", "freeipa"] as const)(
  "whatever happens, and whenever the reader stops, a resume leads to what is in a directory of the kind %s",
  async (kind) => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          batchSize: fc.constantFrom(1, 3, 500),
          more: fc.constantFrom(0, 60),
          // Lists do not read entries whole that are not new.
          age: fc.constantFrom(0, 3_600_000),
        }),
        fc.array(event, { maxLength: 40 }),
        async ({ batchSize, more, age }, events) => {
          const now = () => new Date(Date.now() - age);
          await using directory = await startDirectory({ kind, now });
          const options: WatchOptions = {
            url: directory.url,
            base: kind === "freeipa" ? people : base,
            bind: { method: "simple", dn: directory.adminDn, password: directory.password },
            allowCleartext: true,
            filter: "(!(employeeType=leave))",
            batchSize,
            sleep: () => new Promise((resolve) => setImmediate(resolve)),
            reconcileEvery: false,
          };
          const mirror = new Mirror();
          let checkpoint: string | undefined;
          let watching = new Watching(watchDirectory(options));
          const stop = async () => {
            await watching.stop();
            for (const batch of watching.batches) mirror.apply(batch);
            checkpoint = watching.checkpoint ?? checkpoint;
          };
          for (const event of events) {
            switch (event.kind) {
              case "read":
                // There may be nothing to read: then it is enough to have asked.
                for (let i = 0; i < event.batches; i++) await watching.nextWithin(5);
                break;
              case "stopReader":
                await stop();
                watching = new Watching(watchDirectory(options), checkpoint);
                break;
              case "restartServer":
              case "forgetLog":
                await directory.restart({ keepSessionLog: event.kind === "restartServer" });
                break;
              case "undo":
                directory.faults.undo(() => change(directory, event.write));
                break;
              case "duringRefresh":
                directory.faults.duringRefresh(() => change(directory, event.write), event.after);
                break;
              default:
                change(directory, event);
            }
          }
          await stop();
          // More than a resume would go back over by itself.
          for (let count = 0; count < more; count++) {
            directory.modify(people, { replace: { description: `change ${count}` } });
          }
          await using last = new Watching(watchDirectory(options), checkpoint);
          await last.until((batch) => batch.checkpoint !== undefined);
          // What was written while that was read comes after it, and before what is written now.
          directory.faults.clear();
          change(directory, { kind: "add", uid: "last" });
          const { entryUUID: lastId } = directory.entry(`uid=last,${people}`) ?? {};
          let hasArrived = false;
          await last.until(({ changes, refresh }) => {
            hasArrived ||= changes.some((one) => one.kind === "upsert" && one.sourceId === lastId);
            return hasArrived && refresh === "ends";
          });
          for (const batch of last.batches) mirror.apply(batch);
          const truth = new Mirror();
          await using fresh = new Watching(watchDirectory(options));
          for (const batch of await fresh.refreshed()) truth.apply(batch);
          expect(mirror.content).toEqual(truth.content);
          expect(mirror.lost).toBe(false);
        },
      ),
      { numRuns, ...seed },
    );
  },
  3_600_000,
);
