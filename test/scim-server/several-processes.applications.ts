import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { installPackage } from "../installed-package.js";
import { freePort } from "../integration/server-process.js";
import { KillableProgram } from "../killable-program.js";
import { postgresIsInstalled, startPostgres } from "../kysely/servers/postgres.js";
import { Random } from "../loss/random.js";
import { RepeatingClient } from "./processes/client.js";
import { startRoundRobin } from "./processes/round-robin.js";

// `CONCORDAT_SEED` and `CONCORDAT_KILLS` ask for another run, or a longer one.
const { CONCORDAT_SEED: seed = "1", CONCORDAT_KILLS: kills = "20" } = process.env;

const token = "h480djs93hd8";
const writers = 4;
const staying = 40;
const userSchema = "urn:ietf:params:scim:schemas:core:2.0:User";
const groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group";
const patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

interface Person {
  readonly id: string;
  readonly userName: string;
  title: string | undefined;
  active: boolean;
}

const programs = fileURLToPath(new URL("processes/", import.meta.url));

describe.skipIf(!postgresIsInstalled)(
  "three processes of a service provider on one PostgreSQL",
  () => {
    test("whichever of them are killed, nothing is lost and nobody is there twice", async () => {
      const random = new Random(Number(seed));
      await using installed = await installPackage();
      await cp(programs, installed.application, { recursive: true });
      await using postgres = await startPostgres();
      await postgres.create("provider");
      await using balancer = await startRoundRobin();
      const ports = await Promise.all([freePort(), freePort(), freePort()]);
      const processes = ports.map((port) => {
        const process = new KillableProgram(join(installed.application, "provider.ts"), {
          port,
          token,
          baseUrl: `http://127.0.0.1:${balancer.port}/scim/v2`,
          cursorKey: "of all processes, 32 bytes or more",
          host: dirname(postgres.socket),
          schema: "provider",
        });
        onTestFinished(() => process[Symbol.asyncDispose]());
        process.start();
        return process;
      });
      await Promise.all(processes.map((process) => process.untilItWorks()));
      balancer.ports = ports;
      const client = new RepeatingClient(balancer.port, token);
      const send = client.send.bind(client);
      const counted = { created: 0, found: 0, stale: 0, pages: 0 };

      async function create(userName: string): Promise<Person> {
        const filter = encodeURIComponent(`userName eq "${userName}"`);
        const before = await send("GET", `/Users?filter=${filter}`);
        expect(before).toMatchObject({ status: 200, body: { totalResults: 0 } });
        const body = { schemas: [userSchema], userName, externalId: `x-${userName}`, active: true };
        const { status, repeats, body: created } = await send("POST", "/Users", body);
        if (status === 201) {
          counted.created++;
          return { id: created.id, userName, title: undefined, active: true };
        }
        // Only where an earlier one had no answer may it have been done.
        expect({ status, isRepeated: repeats > 0 }).toEqual({ status: 409, isRepeated: true });
        counted.found++;
        const after = await send("GET", `/Users?filter=${filter}`);
        expect(after).toMatchObject({ status: 200, body: { totalResults: 1 } });
        return { id: after.body.Resources[0].id, userName, title: undefined, active: true };
      }

      const patched = async (path: string, Operations: readonly object[]) => {
        const { status } = await send("PATCH", path, { schemas: [patchSchema], Operations });
        expect([200, 204]).toContain(status);
      };

      const groups: string[] = [];
      for (const displayName of ["all", "some"]) {
        const { status, body } = await send("POST", "/Groups", {
          schemas: [groupSchema],
          displayName,
        });
        expect(status).toBe(201);
        groups.push(body.id);
      }
      const [everybody = "", some = ""] = groups;
      const stayed: Person[] = [];
      for (let index = 0; index < staying; index++) stayed.push(await create(`stays-${index}`));

      const people: Person[] = [];
      const members = new Map(groups.map((group) => [group, new Set<string>()]));
      const stop = new AbortController();

      /** As Entra provisions: looks, creates, changes, and puts people into groups that others change, too. */
      async function provision(index: number, own: Random): Promise<void> {
        const mine: Person[] = [];
        for (let serial = 0; !stop.signal.aborted; serial++) {
          const step = own.between(0, 9);
          const person = own.pick(mine);
          if (step < 3 || person === undefined) {
            const created = await create(`w${index}-${serial}`);
            mine.push(created);
            people.push(created);
            await enter(everybody, created.id);
          } else if (step < 5) {
            person.title = `title ${serial}`;
            await patched(`/Users/${person.id}`, [
              { op: "Replace", path: "title", value: person.title },
            ]);
          } else if (step < 6) {
            person.active = !person.active;
            const value = person.active ? "True" : "False";
            await patched(`/Users/${person.id}`, [{ op: "Replace", path: "active", value }]);
          } else if (step < 8) {
            const isMember = members.get(some)?.has(person.id) === true;
            if (isMember) await leave(some, person.id);
            else await enter(some, person.id);
          } else await changeByTag(person, serial);
        }
      }

      async function enter(group: string, id: string): Promise<void> {
        members.get(group)?.add(id);
        await patched(`/Groups/${group}`, [{ op: "Add", path: "members", value: [{ value: id }] }]);
      }

      async function leave(group: string, id: string): Promise<void> {
        members.get(group)?.delete(id);
        const path = `members[value eq "${id}"]`;
        await patched(`/Groups/${group}`, [{ op: "Remove", path }]);
      }

      /** The version that one process says is that of the others: a change by it is made once, by whichever of them. */
      async function changeByTag(person: Person, serial: number): Promise<void> {
        const path = `/Users/${person.id}`;
        const { status, etag = "" } = await send("GET", path);
        expect({ status, hasTag: etag !== "" }).toEqual({ status: 200, hasTag: true });
        const title = `by tag ${serial}`;
        const by = (value: string) => ({
          schemas: [patchSchema],
          Operations: [{ op: "replace", path: "title", value }],
        });
        const first = await send("PATCH", path, by(title), { "if-match": etag });
        if (first.repeats === 0) expect([200, 204]).toContain(first.status);
        else expect([200, 204, 412]).toContain(first.status);
        person.title = title;
        const stale = await send("PATCH", path, by("stale"), { "if-match": etag });
        expect(stale.status).toBe(412);
        counted.stale++;
      }

      /** Every user of the provider, page by page, each page by another process. */
      async function list(): Promise<readonly { id: string; userName: string }[]> {
        const found: { id: string; userName: string }[] = [];
        for (let cursor = ""; ; ) {
          const { status, body } = await send(
            "GET",
            `/Users?count=7&attributes=userName&cursor=${encodeURIComponent(cursor)}`,
          );
          expect(status).toBe(200);
          counted.pages++;
          found.push(...(body.Resources ?? []));
          if (body.nextCursor === undefined) return found;
          cursor = body.nextCursor;
        }
      }

      async function listAgainAndAgain(): Promise<void> {
        while (!stop.signal.aborted) {
          const ids = (await list()).map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
          expect(ids).toEqual(expect.arrayContaining(stayed.map(({ id }) => id)));
        }
      }

      async function disturb(): Promise<void> {
        for (let index = 0; index < Number(kills); index++) {
          await sleep(random.between(0, 600));
          const process = random.pick(processes);
          await process?.kill();
          await sleep(random.between(0, 200));
          process?.start();
          await process?.untilItWorks();
        }
      }

      const own = Array.from({ length: writers }, () => random.fork());
      const actors = [
        disturb(),
        listAgainAndAgain(),
        ...own.map((each, index) => provision(index, each)),
      ];
      await Promise.all(actors.map((actor) => actor.finally(() => stop.abort())));

      const expected = [...stayed, ...people];
      const names = (await list()).map(({ userName }) => userName);
      expect(names.toSorted()).toEqual(expected.map(({ userName }) => userName).toSorted());
      for (const { id, userName, title, active } of expected) {
        const { status, body } = await send("GET", `/Users/${id}`);
        expect({ status, userName: body.userName, title: body.title, active: body.active }).toEqual(
          {
            ...{ status: 200, userName, title, active },
          },
        );
      }
      for (const [group, ids] of members) {
        const { body } = await send("GET", `/Groups/${group}`);
        const found = (body.members ?? []).map(({ value }: { value: string }) => value);
        expect(found.toSorted()).toEqual([...ids].toSorted());
      }
      const { answered, unanswered } = client;
      console.info({ seed, kills: Number(kills), answered, unanswered, ...counted });
    }, 900_000);
  },
);
