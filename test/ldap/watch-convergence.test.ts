import { type WatchOptions, watchDirectory } from "concordat/ldap";
import { type Directory, DirectoryError, startDirectory } from "concordat/testing/directory";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Mirror, Watching } from "./watching.js";

const people = "ou=people,dc=example,dc=com";
const names = ["ann", "bob", "cyd", "dan"];

/** What happens to the directory, or between it and its reader. */
type Event =
  | { readonly kind: "add" | "delete" | "leave" | "enter"; readonly uid: string }
  | { readonly kind: "rename"; readonly uid: string; readonly to: string }
  | { readonly kind: "read"; readonly batches: number }
  | { readonly kind: "stopReader" | "restartServer" | "forgetLog" };

const uid = fc.constantFrom(...names);
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom("add", "delete"), uid }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("leave", "enter"), uid }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("rename"), uid, to: uid }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("read"), batches: fc.nat(4) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("stopReader", "restartServer", "forgetLog") }),
  },
);

const setting = fc.record({
  sessionLog: fc.constantFrom(0, 3, 1000),
  bareCookies: fc.constantFrom(0, 0.3),
  batchSize: fc.constantFrom(1, 3, 500),
  providers: fc.constantFrom(1, 2),
});

function change(directory: Directory, event: Event, serverId: number): void {
  const dn = (name: string) => `uid=${name},${people}`;
  try {
    switch (event.kind) {
      case "add": {
        const attributes = { objectClass: "inetOrgPerson", uid: event.uid, cn: "x", sn: "x" };
        directory.add(dn(event.uid), attributes, { serverId });
        break;
      }
      case "delete":
        directory.delete(dn(event.uid), { serverId });
        break;
      case "leave":
      case "enter":
        directory.modify(dn(event.uid), { replace: { title: event.kind } }, { serverId });
        break;
      case "rename":
        directory.rename(dn(event.uid), dn(event.to), { serverId });
        break;
      default:
    }
  } catch (error) {
    // There is no such entry now, or there is one already.
    if (!(error instanceof DirectoryError)) throw error;
  }
}

test("whatever happens, and whenever the reader stops, a resume leads to what is in the directory", async () => {
  await fc.assert(
    fc.asyncProperty(setting, fc.array(event, { maxLength: 40 }), async (settings, events) => {
      const { sessionLog, bareCookies, batchSize, providers } = settings;
      await using directory = await startDirectory({ sessionLog, bareCookies, serverId: 1 });
      const options: WatchOptions = {
        url: directory.url,
        base: directory.suffix,
        bind: { method: "simple", dn: directory.adminDn, password: directory.password },
        allowCleartext: true,
        filter: "(!(title=leave))",
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
      for (const [index, event] of events.entries()) {
        if (event.kind === "read") {
          // There may be nothing to read: then it is enough to have asked.
          for (let i = 0; i < event.batches; i++) await watching.nextWithin(5);
        } else if (event.kind === "stopReader") {
          await stop();
          watching = new Watching(watchDirectory(options), checkpoint);
        } else if (event.kind === "restartServer" || event.kind === "forgetLog") {
          await directory.restart({ keepSessionLog: event.kind === "restartServer" });
        } else {
          change(directory, event, 1 + (index % providers));
        }
      }
      await stop();
      await using last = new Watching(watchDirectory(options), checkpoint);
      for (const batch of await last.until((batch) => batch.checkpoint !== undefined)) {
        mirror.apply(batch);
      }
      const truth = new Mirror();
      await using fresh = new Watching(watchDirectory(options));
      for (const batch of await fresh.refreshed()) truth.apply(batch);
      expect(mirror.content).toEqual(truth.content);
      expect(mirror.lost).toBe(false);
    }),
    { numRuns: 60 },
  );
});
