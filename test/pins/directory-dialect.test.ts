import {
  cpSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as ldap from "concordat/ldap";
import ts from "typescript";
import { afterAll, expect, test } from "vitest";
import { syncRequestOid } from "../../src/ldap/wire/sync-messages.js";
import { refreshEnd, startSyncScript, uuid } from "../ldap/sync-script.js";
import { changesOf, Watching } from "../ldap/watching.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "concordat-dialect-"));
for (const room of ["core", "scim", "changes", "ldap"]) {
  cpSync(join(root, "src", room), join(scratch, "src", room), { recursive: true });
}
symlinkSync(join(root, "node_modules"), join(scratch, "node_modules"), "dir");
writeFileSync(join(scratch, "package.json"), '{ "type": "module" }');
afterAll(() => rmSync(scratch, { recursive: true }));

/**
 * A dialect whose positions are numbers, whose entries have no stamps that can be compared with them, and are known by
 * another id: such as 389 Directory Server's. After a resume all names are listed, since its servers do not tell of
 * what left the filter.
 */
const dialect = `
import { textOf } from "../wire/attributes.js";
import { syncRequestOid } from "../wire/sync-messages.js";
import type { DueCheck } from "./checks.js";
import { ContentSync } from "./content-sync.js";
import type { Dialect } from "./dialect.js";
import type { Positions, StoredPosition } from "./protocol.js";
import { Reader } from "./reader.js";
import type { Refresh } from "./refresh.js";

const positions: Positions<number> = {
  parse(cookie) {
    const [, number] = /^numbered#(\\d+);$/.exec(Buffer.from(cookie ?? []).toString()) ?? [];
    return number === undefined ? undefined : Number(number);
  },
  print: (number) => \`numbered#\${number};\`,
  merge: (one = 0, other) => Math.max(one, other),
  includes: (number, other) => other <= number,
};

class Numbered extends ContentSync<number> {
  readonly positions = positions;

  print({ cookie }: StoredPosition<number>): string {
    return String(cookie);
  }

  protected override judge({ resumedFrom }: Refresh<number>): readonly DueCheck[] {
    if (resumedFrom === undefined) return [];
    return [
      { kind: "secondPass", gates: true },
      { kind: "names", gates: true },
    ];
  }
}

export const numbered: Dialect = {
  name: "numbered",
  identification: {
    id: "nsUniqueId",
    stamp: undefined,
    read: (value) => textOf(value).replaceAll("+", "-"),
    filter: (id) => \`(nsUniqueId=\${id.replaceAll("-", "+")})\`,
  },
  isSpokenBy: ({ supportedControls, vendorName }) =>
    vendorName === "Numbered" && supportedControls.includes(syncRequestOid),
  read(reading, position) {
    const former = position === undefined ? undefined : { cookie: Number(position) };
    return new Reader(reading, (tools) => new Numbered(tools, former)).read();
  },
};
`;

/** What the compiler has against files of the scratch copy. */
function faultsOf(files: readonly string[]): readonly string[] {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const names = files.map((file) => join(scratch, file));
  const program = ts.createProgram(names, options);
  return names
    .map((name) => program.getSourceFile(name))
    .flatMap((file) => [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ])
    .map(({ file, messageText }) => `${file?.fileName}: ${JSON.stringify(messageText)}`);
}

/** The files of the scratch copy that are not as they were. */
function changedFiles(): readonly string[] {
  return globSync("src/**/*.ts", { cwd: scratch })
    .filter((file) => {
      const before = globSync(file, { cwd: root }).map((known) => readFileSync(join(root, known)));
      return before[0]?.equals(readFileSync(join(scratch, file))) !== true;
    })
    .sort();
}

test("a directory dialect is a file and a line, whatever its positions and ids are", async () => {
  writeFileSync(join(scratch, "src/ldap/sync/numbered.ts"), dialect);
  const choice = join(scratch, "src/ldap/sync/dialect-choice.ts");
  writeFileSync(
    choice,
    `import { numbered } from "./numbered.js";\n${readFileSync(choice, "utf8").replace(
      "  openLdap,",
      "  numbered,\n  openLdap,",
    )}`,
  );
  const changedNow = changedFiles();
  expect(changedNow).toEqual(["src/ldap/sync/dialect-choice.ts", "src/ldap/sync/numbered.ts"]);
  expect(faultsOf(changedNow)).toEqual([]);

  const changed: typeof ldap = await import(pathToFileURL(join(scratch, "src/ldap/index.ts")).href);
  await using script = await startSyncScript({
    rootDse: { vendorName: ["Numbered"], supportedControl: [syncRequestOid] },
  });
  const stream = changed.watchDirectory({
    url: script.url,
    base: script.base,
    parentClasses: false,
  });
  const first = new Watching(stream);
  await first.next();
  first.ask();
  const search = await script.next();
  search.entry(1, uuid(1), "ann");
  search.entry(1, uuid(2), "bob");
  search.info(refreshEnd(1, "numbered#10;"));
  await first.refreshed();
  search.entry(3, uuid(2), "bob", { cookie: "numbered#12;" });
  expect(await first.next()).toMatchObject({
    phase: "live",
    changes: [{ kind: "delete", sourceId: uuid(2) }],
  });
  await first.stop();

  await using second = new Watching(stream, first.checkpoint);
  await second.next();
  second.ask();
  const resumed = await script.next();
  expect(resumed.cookie).toBe("numbered#12;");
  resumed.info(refreshEnd(1, "numbered#14;"));
  await second.refreshed();
  expect(second.checkpoint).toBe(undefined);
  await second.next();
  second.ask();
  const pass = await script.next();
  expect(pass).toMatchObject({ mode: "refreshOnly", cookie: "numbered#14;" });
  pass.done({ refreshDeletes: true, cookie: "numbered#14;" });
  await second.reconciled();
  await second.next();
  second.ask();
  const list = await script.next();
  const nsUniqueId = [uuid(3).replaceAll("-", "+")];
  list.entry(undefined, uuid(1), "eve", { attributes: { nsUniqueId } });
  list.done();
  expect(changesOf(await second.reconciled())).toMatchObject([
    { kind: "present", entries: [{ sourceId: uuid(3) }] },
    { kind: "sweep" },
  ]);
  expect(second.checkpoint).toContain('"numbered"');
}, 60_000);
