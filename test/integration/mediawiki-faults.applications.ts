import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { UnavailableError, UniquenessError, UnsupportedError } from "concordat";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Bridge, type BridgeOptions } from "../../examples/mediawiki/bridge.js";
import { WikiUserRepository } from "../../examples/mediawiki/users.js";
import { installWiki, missingMediaWiki, type Wiki, type Wikis } from "./mediawiki.js";

const faults = fileURLToPath(new URL("mediawiki-faults.php", import.meta.url));

describe.skipIf(missingMediaWiki !== undefined && process.env["CI"] !== "true")(
  `the bridge to a real MediaWiki${missingMediaWiki === undefined ? "" : ` (${missingMediaWiki})`}`,
  { timeout: 60_000 },
  () => {
    let wikis: Wikis;
    beforeAll(async () => {
      wikis = await installWiki(`require ${JSON.stringify(faults)};\n`);
    }, 60_000);
    afterAll(() => wikis?.[Symbol.asyncDispose]());

    async function start(options: BridgeOptions = {}) {
      const wiki: Wiki = await wikis.copy();
      const { settings, env } = wiki;
      const bridge = new Bridge({ settings, env, hidden: ["Admin"], ...options });
      onTestFinished(() => bridge[Symbol.asyncDispose]());
      return { wiki, bridge, users: new WikiUserRepository(bridge) };
    }

    test("that is killed is started again, and what it was asked is asked again", async () => {
      const { bridge, users } = await start();
      const { id } = await users.create({ userName: "ada" });
      const first = await bridge.processId();
      const names = Array.from({ length: 20 }, (_, number) => `person${number}`);
      const creating = names.map((userName) => users.create({ userName }));
      for (const wait of creating.slice(0, 15).filter((_, at) => at % 5 === 4)) {
        await wait;
        process.kill((await bridge.processId()) ?? 0, "SIGKILL");
      }
      const created = await Promise.all(creating);
      expect(new Set(created.map((user) => user.id)).size).toBe(20);
      expect((await users.find({})).totalResults).toBe(21);
      expect(await users.get(id)).toMatchObject({ userName: "ada", active: true });
      expect(await bridge.processId()).not.toBe(first);
    });

    test("that ends after an account is made, and before it says so, makes no second one", async () => {
      const { wiki, users } = await start();
      await writeFile(join(wiki.data, "die-once"), "");
      const { id } = await users.create({ userName: "dies once" });
      expect((await users.find({})).resources.map((user) => user.id)).toEqual([id]);
    });

    test("that ends over one person whenever asked refuses that one, and goes on with others", async () => {
      const { users } = await start({ attempts: 3 });
      await expect(users.create({ userName: "dies always" })).rejects.toThrow(UnsupportedError);
      await users.create({ userName: "ada" });
      expect((await users.find({})).resources.map((user) => user.userName)).toEqual(["ada"]);
    });

    test("refuses with the reason of an extension, and leaves nothing half done", async () => {
      const { users } = await start();
      const refused = users.create({ userName: "refused", active: false });
      await expect(refused).rejects.toThrow(/does not want this person/);
      expect((await users.find({})).totalResults).toBe(0);
      const { id } = await users.create({ userName: "immune" });
      const blocked = users.modify(id, { set: { active: false, "name.formatted": "Another" } });
      await expect(blocked).rejects.toThrow(UnsupportedError);
      expect(await users.get(id)).toMatchObject({ active: true });
      expect((await users.get(id))?.name).toBeUndefined();
    });

    test("whose database is locked is unavailable, and does it once that is over", async () => {
      const { wiki, users } = await start({ answerWithin: 3_000 });
      await users.create({ userName: "ada" });
      const database = new DatabaseSync(join(wiki.data, "wiki.sqlite"));
      database.exec("begin exclusive");
      await expect(users.create({ userName: "grace" })).rejects.toThrow(UnavailableError);
      database.exec("rollback");
      database.close();
      const { id } = await users.create({ userName: "grace" });
      expect((await users.find({})).resources.map((user) => user.id)).toContain(id);
      expect((await users.find({})).totalResults).toBe(2);
    });

    test("gives the name of a deleted account to nobody, where that is wanted", async () => {
      const { users } = await start({ namesOfDeleted: "refuse" });
      const { id } = await users.create({ userName: "ada" });
      await users.delete(id);
      await expect(users.create({ userName: "ada" })).rejects.toThrow(UniquenessError);
      expect((await users.find({})).totalResults).toBe(0);
    });

    test("brings back a block of one page that somebody else had set", async () => {
      const { wiki, users } = await start();
      const { id } = await users.create({ userName: "ada" });
      const php = async (code: string) => {
        const running = promisify(execFile)("php", ["maintenance/eval.php"], {
          cwd: "/usr/share/mediawiki",
          env: { ...process.env, ...wiki.env },
        });
        running.child.stdin?.end(`${code}\n`);
        return (await running).stdout;
      };
      const services = "MediaWiki\\MediaWikiServices::getInstance()";
      await php(
        `${services}->getBlockUserFactory()->newBlockUser( User::newFromName( 'Ada' ), ` +
          "User::newFromName( 'Admin' ), '3 months', 'Quarrel', [ 'isPartial' => true ], " +
          "[ MediaWiki\\Block\\Restriction\\PageRestriction::newFromTitle( 'Main Page' ) ] )" +
          "->placeBlockUnsafe();",
      );
      const told = () =>
        php(
          "$b = MediaWiki\\Block\\DatabaseBlock::newFromTarget( 'Ada' ); echo json_encode( [ $b->getByName(), " +
            "$b->isSitewide(), $b->getReasonComment()->text, $b->getExpiry(), count( $b->getRestrictions() ) ] );",
        );
      const before = await told();
      expect(before).toMatch(/\["Admin",false,"Quarrel","\d{14}",1\]/);
      await users.modify(id, { set: { active: false } });
      expect(await told()).toMatch(/\["Concordat",true,"The directory says so\.","infinity",0\]/);
      await users.modify(id, { set: { active: true } });
      expect(await told()).toBe(before);
    });

    test("that cannot be started, or lets blocked people in, is unavailable, and says why", async () => {
      const { wiki, users } = await start({
        command: ["/bin/sh", "-c", "echo no wiki here >&2; exit 3"],
      });
      await expect(users.find({})).rejects.toThrow(/ended with 3.*no wiki here/s);
      const settings = join(wiki.data, "Open.php");
      const include = JSON.stringify(wiki.settings);
      await writeFile(settings, `<?php require ${include}; $wgBlockDisablesLogin = false;`);
      const lenient = await start({ settings, env: { ...wiki.env, MW_CONFIG_FILE: settings } });
      await expect(lenient.users.find({})).rejects.toThrow(/wgBlockDisablesLogin/);
    });
  },
);
