import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { nodeListener } from "concordat/node";
import { entraProfile, oktaProfile, type ScimProfile } from "concordat/scim";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { pageHandler } from "../../examples/tryton-scim/page.js";
import { openProvider, type Provider } from "../../examples/tryton-scim/provider.js";
import { endSessions } from "../../examples/tryton-scim/sessions.js";
import type { TrytonUserOptions } from "../../examples/tryton-scim/users.js";
import { type Conversation, inTryton, withIds } from "./tryton-conversations.js";
import {
  database,
  installTryton,
  serviceAccount,
  type TrytonRelease,
  type TrytonServer,
  type TrytonSession,
  type Trytons,
} from "./tryton-server.js";

vi.setConfig({ testTimeout: 240_000 });

const executablePath = "/usr/bin/chromium";
const token = "a-token-of-the-identity-provider";
const userSchema = "urn:ietf:params:scim:schemas:core:2.0:User";
const groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group";
const patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const image =
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGM8ISfHwMDAxMDAwMDAAAANBAEIfXHKZgAAAABJRU5ErkJggg==";

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what a response holds is what the tests look at.
  readonly body: any;
}

/** Tests the service provider of the template in front of a Tryton of this release. */
export function testProvider(release: TrytonRelease, missing: string | undefined): void {
  const isSkipped = missing !== undefined && process.env["CI"] !== "true";
  const name = `the SCIM service provider in front of a real Tryton${missing === undefined ? "" : ` (${missing})`}`;
  describe.skipIf(isSkipped)(name, () => {
    let trytons: Trytons;
    let server: TrytonServer;
    let tryton: TrytonSession;
    let files = 0;

    beforeAll(async () => {
      trytons = await installTryton(release);
      server = await trytons.copy();
      const session = await server.as(serviceAccount.login, serviceAccount.password);
      if (session === undefined) throw new Error("The service account is not let in.");
      tryton = session;
    }, 240_000);
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
      await trytons?.[Symbol.asyncDispose]();
    });

    async function open(
      more: TrytonUserOptions & { readonly profile?: ScimProfile } = {},
    ): Promise<Provider & { call: (line: string, body?: unknown) => Promise<Answer> }> {
      server.setAside();
      const { profile, ...users } = more;
      const provider = await openProvider({
        settings: {
          tryton: { url: server.url, database, ...serviceAccount },
          users,
          groups: {},
        },
        file: join(server.directory, `scim-${++files}.sqlite`),
        baseUrl: "http://localhost/scim/v2",
        tokenSha256: createHash("sha256").update(token).digest("hex"),
        ...(profile !== undefined && { profile }),
      });
      onTestFinished(() => provider[Symbol.asyncDispose]());
      return Object.assign(provider, {
        async call(line: string, body?: unknown): Promise<Answer> {
          const [method = "", path = ""] = line.split(/ (.*)/s);
          const response = await provider.handler(
            new Request(`http://localhost/scim/v2${encodeURI(path)}`, {
              method,
              headers: {
                authorization: `Bearer ${token}`,
                "content-type": "application/scim+json",
              },
              ...(body !== undefined && { body: JSON.stringify(body) }),
            }),
          );
          const text = await response.text();
          return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
        },
      });
    }

    const user = (userName: string, more: object = {}) => ({
      schemas: [userSchema],
      userName,
      active: true,
      ...more,
    });
    const patch = (...operations: readonly object[]) => ({
      schemas: [patchSchema],
      Operations: operations,
    });

    /** What Tryton itself says of the account with a login, and of those of that name that are deleted. */
    async function accounts(login: string): Promise<readonly Record<string, unknown>[]> {
      const fields = ["login", "name", "email", "active", "language", "groups", "avatar_url"];
      const domain = ["OR", ["login", "=", login], ["login", "like", `${login}~retired~%`]];
      const order = [["id", "DESC"]];
      const found = await tryton.call("model.res.user.search_read", domain, 0, null, order, fields);
      return found as readonly Record<string, unknown>[];
    }

    async function membersOf(group: string): Promise<readonly string[]> {
      const domain = [["groups.name", "=", group]];
      const found = await tryton.call("model.res.user.search_read", domain, 0, null, null, [
        "login",
      ]);
      return (found as { login: string }[]).map(({ login }) => login).sort();
    }

    test("every attribute of the proposal is in Tryton, and comes back", async () => {
      const { call } = await open();
      const created = await call(
        "POST /Users",
        user("ada@example.com", {
          externalId: "ext-1",
          displayName: "Ada Lovelace",
          name: { formatted: "Augusta Ada King", familyName: "King" },
          emails: [
            { value: "home@example.com", type: "home" },
            { value: "ada@example.com", type: "work" },
          ],
          preferredLanguage: "da, en-GB;q=0.8",
          photos: [{ value: `data:image/png;base64,${image}`, type: "photo" }],
          nickName: "Countess",
          password: "never read",
        }),
      );
      expect(created.status, JSON.stringify(created.body)).toBe(201);
      const { id } = created.body;
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(created.body).toMatchObject({
        externalId: "ext-1",
        userName: "ada@example.com",
        displayName: "Ada Lovelace",
        emails: [{ value: "ada@example.com" }],
        preferredLanguage: "en",
        active: true,
      });
      const [account] = await accounts("ada@example.com");
      expect(account).toMatchObject({ name: "Ada Lovelace", email: "ada@example.com" });
      expect(Boolean(account?.["active"])).toBe(true);
      const [photo] = created.body.photos;
      const shown = async () => {
        const response = await fetch(photo.value);
        expect(response.headers.get("content-type")).toMatch(/^image\//);
        return Buffer.from(await response.arrayBuffer()).toString("base64");
      };
      const sent = await shown();

      // What the proposal ignores is ignored; what changes is changed in place.
      const changed = await call(
        `PATCH /Users/${id}`,
        patch(
          { op: "replace", path: "name.formatted", value: "Ada King" },
          { op: "replace", path: 'emails[type eq "work"].value', value: "king@example.com" },
          { op: "replace", path: "userName", value: "king" },
          { op: "remove", path: "photos" },
        ),
      );
      expect(changed.status, JSON.stringify(changed.body)).toBe(200);
      const [renamed] = await accounts("king");
      expect(renamed).toMatchObject({
        id: account?.["id"],
        name: "Ada King",
        email: "king@example.com",
      });
      // Tryton may draw one by itself in its place.
      expect(await shown().catch(() => undefined)).not.toBe(sent);
      const found = await call('GET /Users?filter=externalId eq "ext-1"');
      expect(found.body.Resources.map((one: { id: string }) => one.id)).toEqual([id]);
      const taken = await call("POST /Users", user("KING"));
      expect(taken).toMatchObject({ status: 409, body: { scimType: "uniqueness" } });
    });

    test("a photo that would have to be fetched, or is no image, is not taken", async () => {
      const { call } = await open();
      const photos = [{ value: "http://169.254.169.254/latest", type: "photo" }];
      const { status, body } = await call("POST /Users", user("ada", { photos }));
      expect(status).toBe(201);
      expect(JSON.stringify(body.photos ?? [])).not.toContain("169.254");
      const html = `data:image/png;base64,${Buffer.from("<script>").toString("base64")}`;
      const refused = await call("POST /Users", user("grace", { photos: [{ value: html }] }));
      expect(refused).toMatchObject({ status: 400, body: { scimType: "invalidValue" } });
    });

    test("who is deleted is gone for good, and the next one of that name is another account", async () => {
      const { call } = await open();
      const { body: first } = await call("POST /Users", user("kay"));
      const [before] = await accounts("kay");
      expect((await call(`DELETE /Users/${first.id}`)).status).toBe(204);
      expect((await call(`GET /Users/${first.id}`)).status).toBe(404);
      expect((await call(`DELETE /Users/${first.id}`)).status).toBe(404);
      expect((await call('GET /Users?filter=userName eq "kay"')).body.totalResults).toBe(0);
      const second = await call("POST /Users", user("kay"));
      expect(second.status).toBe(201);
      expect(second.body.id).not.toBe(first.id);
      const after = await accounts("kay");
      expect(after.map(({ id, login, active }) => [id, login, Boolean(active)])).toEqual([
        [expect.any(Number), "kay", true],
        [before?.["id"], `kay~retired~${before?.["id"]}`, false],
      ]);
      expect(after[0]?.["id"]).not.toBe(before?.["id"]);
    });

    test("or is refused, where that is wanted", async () => {
      const { call } = await open({ namesOfDeleted: "refuse" });
      const { body } = await call("POST /Users", user("kay"));
      await call(`DELETE /Users/${body.id}`);
      const again = await call("POST /Users", user("Kay"));
      expect(again).toMatchObject({ status: 409, body: { scimType: "uniqueness" } });
      expect((await call("POST /Users", user("kayla"))).status).toBe(201);
    });

    test("passwords are taken only where Tryton signs in by password, and by its rules", async () => {
      const without = await open();
      await without.call("POST /Users", user("ada", { password: "Corr3ct-hOrse.x" }));
      expect(await server.as("ada", "Corr3ct-hOrse.x")).toBeUndefined();

      const { call } = await open({ passwords: true });
      const short = await call("POST /Users", user("grace", { password: "a" }));
      expect(short).toMatchObject({ status: 400, body: { scimType: "invalidValue" } });
      expect(JSON.stringify(short.body)).toMatch(/password/);
      const { body } = await call("POST /Users", user("grace", { password: "Corr3ct-hOrse.x" }));
      expect(body.password).toBeUndefined();
      expect(await server.as("grace", "Corr3ct-hOrse.x")).toBeDefined();
      const value = "An0ther-hOrse.z";
      await call(`PATCH /Users/${body.id}`, patch({ op: "replace", path: "password", value }));
      expect(await server.as("grace", value)).toBeDefined();
    });

    test("who is disabled is not let in, and signed out where Tryton's console is at hand", async () => {
      const { call } = await open({
        passwords: true,
        endSessions: (id, signal) => endSessions(server.console.join(" "), id, signal),
      });
      const password = "Corr3ct-hOrse.x";
      const { body } = await call("POST /Users", user("kay", { password }));
      const session = await server.as("kay", password);
      const preferences = () => session?.call("model.res.user.get_preferences", true);
      expect(await preferences()).toMatchObject({ language: "en" });
      await call(`PATCH /Users/${body.id}`, patch({ op: "replace", path: "active", value: false }));
      await expect(preferences()).rejects.toThrow(/401/);
      expect(await server.as("kay", password)).toBeUndefined();
      await call(`PATCH /Users/${body.id}`, patch({ op: "replace", path: "active", value: true }));
      expect(await server.as("kay", password)).toBeDefined();
    });

    test("groups fill Tryton's once they are mapped, groups in groups too, and what is Tryton's own stays", async () => {
      const { call, groups, trytonGroups } = await open();
      const idOf = async (name: string) => (await call("POST /Users", user(name))).body.id;
      const [ada, grace, kay] = [await idOf("ada"), await idOf("grace"), await idOf("kay")];
      const group = async (displayName: string, ...members: readonly object[]) => {
        const answer = await call("POST /Groups", { schemas: [groupSchema], displayName, members });
        expect(answer.status, JSON.stringify(answer.body)).toBe(201);
        return answer.body.id as string;
      };
      const engineers = await group("Engineers", { value: ada });
      const staff = await group("Staff", { value: engineers, type: "Group" }, { value: kay });
      const read = await call(`GET /Users/${ada}?attributes=groups`);
      expect(read.body.groups).toMatchObject([{ value: engineers, display: "Engineers" }]);
      // It is read only: what is sent is not taken.
      await call(
        `PATCH /Users/${ada}`,
        patch({ op: "add", path: "groups", value: [{ value: staff }] }),
      );

      const { id: sales } = await trytonGroups.create({ displayName: "Sales" });
      const byHand = await accounts("grace");
      await tryton.call("model.res.group.write", [await trytonIdOf("Sales")], {
        users: [["add", [byHand[0]?.["id"]]]],
      });
      await groups.map(staff, sales);
      expect(await membersOf("Sales")).toEqual(["ada", "grace", "kay"]);

      await call(
        `PATCH /Groups/${engineers}`,
        patch(
          { op: "add", path: "members", value: [{ value: grace }] },
          { op: "remove", path: `members[value eq "${ada}"]` },
        ),
      );
      expect(await membersOf("Sales")).toEqual(["grace", "kay"]);
      await call(
        `PATCH /Groups/${staff}`,
        patch({ op: "remove", path: `members[value eq "${engineers}"]` }),
      );
      expect(await membersOf("Sales")).toEqual(["grace", "kay"]);
      await call(
        `PATCH /Groups/${staff}`,
        patch({
          op: "add",
          path: "members",
          value: [{ value: engineers, type: "Group" }, { value: ada }],
        }),
      );

      // What was undone by hand is done again on demand.
      const adaInTryton = (await accounts("ada"))[0]?.["id"];
      await tryton.call("model.res.group.write", [await trytonIdOf("Sales")], {
        users: [["remove", [adaInTryton]]],
      });
      expect(await groups.apply()).toMatchObject({ added: 1 });
      expect(await membersOf("Sales")).toEqual(["ada", "grace", "kay"]);

      await call(`DELETE /Users/${kay}`);
      expect(await membersOf("Sales")).toEqual(["ada", "grace"]);
      await call(`DELETE /Groups/${staff}`);
      expect(await membersOf("Sales")).toEqual(["grace"]);
    });

    async function trytonIdOf(name: string): Promise<number> {
      const domain = [["name", "=", name]];
      const found = await tryton.call("model.res.group.search", domain, 0, null, null);
      return Number((found as number[])[0]);
    }

    test("Tryton's own accounts, and the service account, are neither seen nor changed", async () => {
      const { call } = await open();
      expect((await call("GET /Users")).body.totalResults).toBe(0);
      for (const name of ["admin", "root", "concordat", "ADMIN"]) {
        expect((await call("POST /Users", user(name))).status, name).toBe(409);
      }
    });

    test("while Tryton is away the response is 503, and what comes after it works", async () => {
      const { call } = await open();
      await call("POST /Users", user("ada"));
      await server.stop();
      expect((await call('GET /Users?filter=userName eq "ada"')).status).toBe(503);
      expect((await call("POST /Users", user("grace"))).status).toBe(503);
      await server.start();
      expect((await call("POST /Users", user("grace"))).status).toBe(201);
      expect((await call("GET /Users")).body.totalResults).toBe(2);
    });

    describe.each([
      ["entra", entraProfile],
      ["okta", oktaProfile],
    ] as const)("what %s sends", (folder, profile) => {
      const at = new URL(`../interop/${folder}/`, import.meta.url);
      // A manager has no field in Tryton.
      const names = readdirSync(at).filter((one) => /\.json$/.test(one) && one !== "manager.json");
      test.each(names)("is answered as the documents of the data say: %s", async (name) => {
        const { exchanges }: Conversation = JSON.parse(readFileSync(new URL(name, at), "utf8"));
        const { call } = await open({ profile });
        const ids = new Map<string, string>();
        for (const { what, request, response, created, afterwards = {} } of exchanges) {
          const { line, body } = withIds(request, ids);
          const answer = await call(line, body);
          if (created !== undefined) ids.set(created, answer.body?.id);
          const expected = withIds(response, ids);
          expect({ what, status: answer.status, body: inTryton(answer.body) }).toEqual({
            what,
            status: expected.status,
            body: inTryton(expected.body),
          });
          for (const [path, resource] of Object.entries(withIds(afterwards, ids))) {
            const stored = await call(`GET ${path}`);
            expect({ what, body: inTryton(stored.body) }).toEqual({
              what,
              body: inTryton(resource),
            });
          }
        }
      });
    });

    test.skipIf(!existsSync(executablePath) && process.env["CI"] !== "true")(
      "the administrator maps groups on a page, and applies them again (needs the Debian package chromium)",
      async () => {
        const provider = await open();
        const { body: ada } = await provider.call(
          "POST /Users",
          user("ada", { displayName: "<b>Ada</b>" }),
        );
        await provider.call("POST /Groups", {
          schemas: [groupSchema],
          displayName: "Engineers & co",
          members: [{ value: ada.id }],
        });
        await provider.trytonGroups.create({ displayName: "Production" });
        const hosts: string[] = [];
        const web = createServer(nodeListener(pageHandler(provider, hosts)));
        await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
        const { port } = web.address() as AddressInfo;
        hosts.push(`127.0.0.1:${port}`);
        const url = `http://127.0.0.1:${port}/`;
        const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
        try {
          const page = await browser.newPage();
          await page.goto(url);
          expect(await page.locator("main, body").first().innerText()).toContain("<b>Ada</b>");
          const choice = (name: string) => page.getByRole("combobox", { name, exact: true });
          await choice("Group").selectOption("Engineers & co");
          await choice("fills").selectOption("Production");
          await page.getByRole("button", { name: "Map", exact: true }).click();
          expect(await page.getByRole("status").innerText()).toBe("Done: 1 added, 0 removed.");
          expect(await membersOf("Production")).toEqual(["ada"]);

          const [account] = await accounts("ada");
          await tryton.call("model.res.user.write", [account?.["id"]], {
            groups: [["remove", [await trytonIdOf("Production")]]],
          });
          await page.getByRole("button", { name: "Apply all again" }).click();
          expect(await page.getByRole("status").innerText()).toBe("Done: 1 added, 0 removed.");
          await page.getByRole("button", { name: /^Unmap Engineers & co from Production/ }).click();
          expect(await page.getByRole("status").innerText()).toBe("Done: 0 added, 1 removed.");
          expect(await membersOf("Production")).toEqual([]);
        } finally {
          await browser.close();
          web.close();
          web.closeAllConnections();
        }
        const foreign = await pageHandler(provider, ["127.0.0.1:1"])(
          new Request("http://127.0.0.1:1/", {
            method: "POST",
            headers: {
              host: "127.0.0.1:1",
              origin: "https://evil.example",
              "content-length": "12",
            },
            body: "action=apply",
          }),
        );
        expect(foreign.status).toBe(403);
      },
      90_000,
    );
  });
}
