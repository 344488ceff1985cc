import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../../src", import.meta.url));

/** The rooms, each of which imports only rooms above it; and the packages that each may import. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  core: [],
  http: [],
  "http/client": ["undici"],
  scim: [],
  changes: ["zod"],
  repositories: [],
  ldap: ["ldapts"],
  sync: [],
  "change-log": ["zod"],
  "scim-server": ["jose"],
  "scim-client": ["undici"],
  signing: [],
  sso: [],
  federation: ["undici", "zod"],
  kysely: ["kysely"],
  nats: ["@nats-io/jetstream", "@nats-io/transport-node"],
  node: [],
  testing: [],
  "testing/directory": ["ldapts"],
  "testing/federation": [],
  cli: [],
  "": [],
};
const order = Object.keys(rooms);

function roomOf(file: string): string {
  const folder = dirname(file);
  return (
    order.find(
      (room) =>
        room !== "" &&
        (folder === room || folder.startsWith(`${room}/`)) &&
        !isInnerRoom(room, folder),
    ) ?? ""
  );
}

/** Whether the folder belongs to a room inside this one. */
function isInnerRoom(room: string, folder: string): boolean {
  return order.some(
    (inner) =>
      inner !== room && inner.startsWith(`${room}/`) && `${folder}/`.startsWith(`${inner}/`),
  );
}

interface Import {
  readonly file: string;
  readonly specifier: string;
}

const imports: readonly Import[] = globSync("**/*.ts", { cwd: source }).flatMap((file) =>
  [
    ...readFileSync(join(source, file), "utf8").matchAll(
      /^(?:import|export)\b[^;"']*from\s+"([^"]+)";/gm,
    ),
  ].map((match) => ({ file, specifier: match[1] ?? "" })),
);

test("rooms import only rooms above them, through their index or their inner door", () => {
  expect(imports.length).toBeGreaterThan(300);
  const strays = imports.filter(({ file, specifier }) => {
    if (!specifier.startsWith(".")) return false;
    const target = relative(source, join(source, dirname(file), specifier));
    const [from, to] = [roomOf(file), roomOf(target)];
    if (from === to) return false;
    const isDoor = [`${to}/index.js`, `${to}/internal.js`].includes(target);
    return order.indexOf(to) > order.indexOf(from) || !isDoor;
  });
  expect(strays).toEqual([]);
});

test("a package is imported only where it is needed", () => {
  const strays = imports.filter(({ file, specifier }) => {
    if (specifier.startsWith(".") || specifier.startsWith("node:")) return false;
    return !rooms[roomOf(file)]?.includes(specifier);
  });
  expect(strays).toEqual([]);
});
