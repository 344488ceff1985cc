// Every link in the documents leads to a file or a heading that is there, in this repository and in the packed package,
// which has no tests and no sources; and every test that a document names is there: node .ci/links.mjs
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const documents = [
  ...["README.md", "CHANGELOG.md"].map((name) => join(root, name)),
  ...documentsIn("docs"),
  ...documentsIn("examples"),
];
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
/** What is packed beside what package.json names: npm adds these. */
const packed = [...manifest.files, "package.json", "README.md", "LICENSE"].map((name) =>
  join(root, name),
);
const dead = documents.flatMap((file) =>
  [...deadLinks(file), ...missingTests(file)].map((target) => `${relative(root, file)}: ${target}`),
);
for (const line of dead) console.error(line);
console.log(`${documents.length} documents, ${dead.length} dead links`);
process.exitCode = dead.length === 0 ? 0 : 1;

function documentsIn(folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .filter((name) => name.endsWith(".md") && !name.includes("node_modules"))
    .map((name) => join(root, folder, name));
}

function deadLinks(file) {
  const links = [...prose(file).matchAll(/\]\(\s*<?([^)>\s]+)>?(?:\s+"[^"]*")?\)/g)];
  return links
    .map(([, target]) => target)
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target) && !leadsSomewhere(file, target));
}

function leadsSomewhere(file, link) {
  const [path, anchor] = link.split("#");
  const target = path === "" ? file : resolve(dirname(file), decodeURIComponent(path));
  if (!existsSync(target) || !isPacked(target)) return false;
  if (anchor === undefined || !target.endsWith(".md") || statSync(target).isDirectory())
    return true;
  return anchorsOf(target).has(decodeURIComponent(anchor));
}

function isPacked(path) {
  return packed.some((one) => path === one || path.startsWith(`${one}/`));
}

/** What is named as a file of the repository that is not packed, and is not there. */
function missingTests(file) {
  if (relative(root, file).startsWith("examples/")) return [];
  const names = [...readFileSync(file, "utf8").matchAll(/`((?:test|src|\.ci)\/[\w./-]+)`/g)];
  return names.map(([, name]) => name).filter((name) => !existsSync(join(root, name)));
}

/** The text without code, in which brackets are no links. */
function prose(file) {
  return readFileSync(file, "utf8")
    .replace(/^(```+).*?^\1/gms, "")
    .replace(/(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)/g, "");
}

/** The anchors of a document, as GitHub makes them of its headings, and those that it states. */
function anchorsOf(file) {
  const anchors = new Set();
  const text = readFileSync(file, "utf8").replace(/^(```+).*?^\1/gms, "");
  for (const [, heading] of text.matchAll(/^#{1,6} +(.+?)[ #]*$/gm)) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replace(/\\(.)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{Pc}\- ]/gu, "")
      .replaceAll(" ", "-");
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  for (const [, id] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}
