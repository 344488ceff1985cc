// Writes docs/conformance.md, beneath its introduction, and a page of each RFC in docs/conformance from
// test/conformance/requirements.json: node .ci/conformance.mjs [--check]
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const mark = "<!-- What follows is written by npm run conformance. -->\n";
const titles = { 7643: "schemas", 7644: "the protocol", 9865: "pages by cursor" };
const words = { partly: "Partly", notDone: "Not done", elsewhere: "Not here" };
const rfcs = Object.keys(titles);
const requirements = JSON.parse(
  readFileSync(join(root, "test/conformance/requirements.json"), "utf8"),
);

mkdirSync(join(root, "docs/conformance"), { recursive: true });
write("docs/conformance.md", `${introduction()}${mark}\n${summary()}`);
for (const rfc of rfcs) write(`docs/conformance/rfc${rfc}.md`, pageOf(rfc));

function write(path, text) {
  const file = join(root, path);
  if (!process.argv.includes("--check")) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
    console.error(`${path} is not what its data says: npm run conformance`);
    process.exitCode = 1;
  }
}

/** What is written by hand. */
function introduction() {
  const text = readFileSync(join(root, "docs/conformance.md"), "utf8");
  if (!text.includes(mark)) throw new Error("docs/conformance.md has no mark.");
  return text.slice(0, text.indexOf(mark));
}

/** How many there are, and those that are not shown by tests as a whole. */
function summary() {
  const lines = [
    "| | requirements | shown by tests | partly | not done | not here |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...rfcs.map((rfc) => `| ${linkTo(rfc)} | ${counts(rfc).join(" | ")} |`),
  ];
  for (const status of Object.keys(words)) {
    lines.push("", `## ${words[status]}`, "");
    lines.push("| RFC, § | word | what is required | |", "| --- | --- | --- | --- |");
    for (const one of requirements.filter((each) => each.status === status)) {
      const { rfc, section, word, requirement, note } = one;
      lines.push(`| ${rfc}, ${section} | ${word} | ${requirement} | ${note ?? ""} |`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function linkTo(rfc) {
  return `[RFC ${rfc}: ${titles[rfc]}](conformance/rfc${rfc}.md)`;
}

function of(rfc) {
  return requirements.filter((one) => one.rfc === rfc);
}

function counts(rfc) {
  const having = (status) => of(rfc).filter((one) => one.status === status).length;
  return [of(rfc).length, having(undefined), ...Object.keys(words).map(having)];
}

function pageOf(rfc) {
  const lines = [
    "<!-- Written by npm run conformance. -->",
    "",
    `# RFC ${rfc}: ${titles[rfc]}`,
    "",
    "Each requirement and the tests that show it. [Conformance](../conformance.md) says how to read the table.",
    "",
    "| § | word | what is required | shown by | |",
    "| --- | --- | --- | --- | --- |",
    ...of(rfc).map(row),
  ];
  return `${lines.join("\n")}\n`;
}

function row({ section, word, requirement, status, tests, note = "" }) {
  const files = tests.map(({ file, titles: named }) => nameOf(file, named.length)).join(", ");
  const remark = status === undefined ? note : `**${words[status]}**: ${note}`;
  return `| ${section} | ${word} | ${requirement} | ${files} | ${remark} |`.replaceAll(
    "|  |",
    "| |",
  );
}

/** The file, with how many tests of it are meant where it is more than one. */
function nameOf(file, count) {
  return `\`${file}\`${count > 1 ? ` ×${count}` : ""}`;
}
