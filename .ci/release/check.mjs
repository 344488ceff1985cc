// What is looked at before a release, and at each change of the public surface:
// node .ci/release/check.mjs [--write]
//
// With --write the report of the public surface is written again; otherwise a difference fails. It needs a build.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { apiReports } from "./api.mjs";
import { entrySizes } from "./sizes.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const writing = process.argv.includes("--write");
const read = (path) => readFileSync(join(root, path), "utf8");
const manifest = JSON.parse(read("package.json"));
const budgets = JSON.parse(read(".ci/release/budgets.json"));
const problems = [];

checkVersion();
checkApi();
checkPacked();
await checkSizes();
checkBillOfMaterials();

for (const problem of problems) console.error(`✗ ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;

/** The CHANGELOG has the version, or what is to become of it. */
function checkVersion() {
  const { version } = manifest;
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) problems.push(`${version} is no version`);
  const sections = [...read("CHANGELOG.md").matchAll(/^## \[?([^\]\s]+)\]?(.*)$/gm)];
  const own = sections.find(([, name]) => name === version);
  const next = sections.find(([, name]) => name.toLowerCase() === "unreleased");
  if (own === undefined && next === undefined) problems.push(`the CHANGELOG has no ${version}`);
  console.log(`version ${version}: ${own === undefined ? "unreleased" : own[0].slice(3)}`);
}

function checkApi() {
  const folder = join(root, ".ci/release/api");
  const reports = apiReports(root, manifest);
  if (writing) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of reports) writeFileSync(join(folder, `${name}.txt`), text);
  }
  const kept = existsSync(folder) ? readdirSync(folder) : [];
  for (const [name, text] of reports) {
    const path = `.ci/release/api/${name}.txt`;
    if (!kept.includes(`${name}.txt`) || read(path) !== text) {
      problems.push(`${path} is not what the sources export: npm run release:check -- --write`);
    }
  }
  for (const name of kept) {
    if (!reports.has(name.replace(/\.txt$/, ""))) problems.push(`there is no entry for ${name}`);
  }
  console.log(`public surface: ${reports.size} entries`);
}

/** What is packed is what is meant to be, and each entry is in it. */
function checkPacked() {
  const output = execFileSync("npm", ["pack", "--dry-run", "--ignore-scripts", "--json"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const parsed = JSON.parse(output);
  const { files, unpackedSize, size } = Array.isArray(parsed) ? parsed[0] : parsed[manifest.name];
  const paths = files.map(({ path }) => path);
  const allowed = /^(dist|docs|examples)\/|^(README|CHANGELOG)\.md$|^LICENSE$|^package\.json$/;
  const forbidden = /(^|\/)(node_modules|screenshots|\.env)(\/|$)|\.(sqlite|log|tgz)$|\.test\.ts$/;
  for (const path of paths) {
    const isTest = path.startsWith("examples/") && path.endsWith(".test.ts");
    if (!allowed.test(path) || (forbidden.test(path) && !isTest)) {
      problems.push(`${path} is packed`);
    }
  }
  const targets = Object.values(manifest.exports).flatMap((target) =>
    typeof target === "string" ? [target] : Object.values(target),
  );
  for (const target of [...targets, ...Object.values(manifest.bin)]) {
    if (!paths.includes(target.slice(2))) problems.push(`${target} is not packed: build first`);
  }
  const limit = budgets.unpacked * 1_000;
  if (unpackedSize > limit) problems.push(`${unpackedSize} bytes unpacked, the budget is ${limit}`);
  console.log(`packed: ${paths.length} files, ${size} bytes, ${unpackedSize} unpacked`);
}

/** Own code of each entry, minified and gzipped, in kilobytes of 1,000 bytes. */
async function checkSizes() {
  const runtimes = read("docs/runtimes.md");
  for (const [name, bytes] of await entrySizes(root, manifest)) {
    const budget = budgets.entries[name];
    if (budget === undefined) problems.push(`there is no budget for ${name}`);
    else if (bytes > budget * 1_000) problems.push(`${name} has ${bytes} bytes, of ${budget} kB`);
    const row = new RegExp(
      `^\\| \`concordat${name === "index" ? "" : `/${name}`}\` .* ${budget} kB \\|$`,
      "m",
    );
    if (!row.test(runtimes)) problems.push(`docs/runtimes.md has another budget for ${name}`);
    console.log(`${name.padEnd(20)} ${(bytes / 1_000).toFixed(1).padStart(5)} kB of ${budget}`);
  }
}

/**
 * The bill of materials can be made, and has every dependency. It is made of the lock file, so that it does not depend
 * on what is installed; and with those of development: npm leaves out what one of them has as a peer, also where it is a
 * dependency of the package itself.
 */
function checkBillOfMaterials() {
  const output = execFileSync(
    "npm",
    ["sbom", "--package-lock-only", "--sbom-format", "cyclonedx"],
    {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  const { components } = JSON.parse(output);
  const names = new Set(components.map(({ name }) => name));
  for (const name of Object.keys(manifest.dependencies)) {
    if (!names.has(name)) problems.push(`the bill of materials lacks ${name}`);
  }
  console.log(`bill of materials: ${components.length} components`);
}
