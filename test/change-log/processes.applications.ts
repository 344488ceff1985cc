import { randomInt } from "node:crypto";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { installPackage } from "../installed-package.js";
import { describeWithSlapd, startSlapd } from "../integration/slapd.js";
import { KillableProgram } from "../killable-program.js";
import { readApplication, readLocalRows } from "../loss/application.js";
import { differencesOf } from "../loss/differences.js";
import { readDirectory } from "../loss/directory-content.js";
import { firstLdif } from "../loss/first-ldif.js";
import { bound, WriteLog } from "../loss/logged-client.js";
import { company } from "../loss/names.js";
import { Random } from "../loss/random.js";
import { Units } from "../loss/units.js";
import { Writer } from "../loss/writer.js";
import { NatsServers, natsIsInstalled } from "./nats-server.js";

// `CONCORDAT_SEED` names the seeds to run, separated by commas; `CONCORDAT_KILLS` says how many processes are killed.
const { CONCORDAT_SEED: named = "1", CONCORDAT_KILLS: kills = "12" } = process.env;
const seeds = named === "random" ? [randomInt(1_000_000)] : named.split(",").map(Number);

/** How long all may take to come to what the directory says once nobody writes, in milliseconds. */
const patience = 120_000;

const programs = fileURLToPath(new URL("processes/", import.meta.url));
const missing = natsIsInstalled ? undefined : "install the peer nats: bash .ci/peers/install nats";

describeWithSlapd(
  "a directory, a log on NATS, and applications",
  () => {
    test.each(seeds)(
      "whichever of their processes are killed, every database ends as the directory is: seed %i",
      async (seed) => {
        const random = new Random(seed);
        const refint = random.chance(0.5);
        await using installed = await installPackage();
        await cp(programs, installed.application, { recursive: true });
        await using slapd = await startSlapd({ refint, ldif: firstLdif() });
        await using nats = await NatsServers.start(1);
        const log = { servers: nats.addresses, stream: "DIRECTORY" };
        const start = (program: string, options: object) => {
          const started = new KillableProgram(join(installed.application, program), options);
          started.start();
          onTestFinished(() => started[Symbol.asyncDispose]());
          return started;
        };
        const { url, adminDn: bindDn, password } = slapd;
        const access = { url, base: company, bindDn, password };
        const publishers = [1, 2].map(() =>
          start("publisher.ts", { ...access, ...log, lease: 1_500 }),
        );
        const databases = [true, false].map((transactions, index) => ({
          transactions,
          database: join(installed.directory, `application-${index}.sqlite`),
        }));
        const applications = databases.map((each) => start("application.ts", { ...log, ...each }));
        await Promise.all(applications.map((application) => application.untilItWorks()));

        const units = new Units();
        const writeLog = new WriteLog();
        const stop = new AbortController();
        const writing = [0, 1, 2].map(async (index) => {
          const writer = new Writer(index, slapd, units, random.fork(), writeLog);
          await writer.run(slapd, "varied", stop.signal);
        });
        const killed = { server: 0, publishers: 0, applications: 0 };
        const disturbing = async () => {
          for (let index = 0; index < Number(kills); index++) {
            await sleep(random.between(0, 1_500));
            const victim = random.pick(["server", "publishers", "applications"] as const);
            if (victim === undefined) continue;
            killed[victim]++;
            if (victim === "server") {
              await nats.kill(0);
              await sleep(random.between(0, 500));
              nats.begin(0);
            } else {
              const process = random.pick(victim === "publishers" ? publishers : applications);
              await process?.kill();
              await sleep(random.between(0, 500));
              process?.start();
            }
          }
        };
        await Promise.all([disturbing().finally(() => stop.abort()), ...writing]);

        const client = await bound(slapd);
        onTestFinished(() => client.unbind());
        const found = async () => {
          for (const process of [...publishers, ...applications]) process.check();
          const directory = await readDirectory(client);
          return databases.flatMap(({ database, transactions }) => {
            const compared = differencesOf({
              directory,
              application: readApplication(database),
              local: { rows: [], memberships: [] },
              localRows: readLocalRows(database),
              onDelete: "deactivate",
              keepsDangling: true,
              namesByMark: writeLog.namesByMark,
            });
            return compared.map(({ text }) => `${transactions ? "with" : "without"}: ${text}`);
          });
        };
        const until = Date.now() + patience;
        let differences = await found();
        while (differences.length > 0 && Date.now() < until) {
          await sleep(200);
          differences = await found();
        }
        expect(differences, `CONCORDAT_SEED=${seed}`).toEqual([]);
        expect(writeLog.confirmed).toBeGreaterThan(20);
        console.info({ seed, refint, writes: writeLog.confirmed, ...killed });
      },
      600_000,
    );
  },
  missing,
);
