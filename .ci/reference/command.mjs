// Writes docs/reference from the TSDoc of the sources: node .ci/reference/command.mjs [--check]
//
// With --check nothing is written: it fails if a public symbol has no text, if a link leads nowhere, or if what is kept
// in docs/reference is not what the sources say.
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  Application,
  Comment,
  Converter,
  LogLevel,
  makeRecursiveVisitor,
  ReflectionKind,
  TSConfigReader,
} from "typedoc";
import { internalTypes } from "./internal-types.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const kept = join(root, "docs/reference");
const checking = process.argv.includes("--check");

const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
const entries = Object.keys(manifest.exports).filter((key) => !key.endsWith(".json"));

const made = await mkdtemp(join(tmpdir(), "reference-"));
const app = await Application.bootstrapWithPlugins(
  {
    plugin: ["typedoc-plugin-markdown"],
    tsconfig: join(root, "tsconfig.json"),
    basePath: join(root, "src"),
    // What is not stated here is docs, which is emptied first.
    outputs: [{ name: "markdown", path: made }],
    useHTMLAnchors: true,
    entryPoints: entries.map((key) => join(root, "src", key, "index.ts")),
    name: manifest.name,
    readme: "none",
    router: "module",
    disableSources: true,
    disableGit: true,
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    hideGenerator: true,
    hideBreadcrumbs: true,
    hidePageHeader: true,
    parametersFormat: "table",
    interfacePropertiesFormat: "table",
    classPropertiesFormat: "table",
    propertyMembersFormat: "table",
    typeDeclarationFormat: "table",
    sort: ["alphabetical"],
    validation: { notExported: true, invalidLink: true, notDocumented: true },
    intentionallyNotExported: internalTypes,
    requiredToBeDocumented: [
      "Class",
      "Interface",
      "TypeAlias",
      "Function",
      "Variable",
      "Method",
      "Accessor",
      "Property",
      "EnumMember",
    ],
    logLevel: LogLevel.Warn,
  },
  [new TSConfigReader()],
);

// A member that is inherited is described where it is declared: the page of a class has what is its own.
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  const members = project.getReflectionsByKind(
    ReflectionKind.Method | ReflectionKind.Property | ReflectionKind.Accessor,
  );
  for (const member of members) {
    const isOfNode = member.name === "name" && member.parent?.name.endsWith("Error");
    if (member.inheritedFrom !== undefined || isOfNode) project.removeReflection(member);
  }
});

// The compiler gives the texts of a union in an order that follows from all files that it has read, tests included.
const texts = makeRecursiveVisitor({
  union(union) {
    const isText = (type) => type.type === "literal" && typeof type.value === "string";
    const sorted = union.types
      .filter(isText)
      .sort((one, other) => (one.value < other.value ? -1 : 1));
    union.types = union.types.map((type) => (isText(type) ? sorted.shift() : type));
  },
});
app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
  for (const reflection of project.getReflectionsByKind(ReflectionKind.All)) {
    reflection.type?.visit(texts);
  }
});

const project = await app.convert();
if (project === undefined) process.exit(1);
const exempt = membersWithoutText(project);
for (const member of exempt) member.comment = new Comment([{ kind: "text", text: "-" }]);
app.validate(project);
for (const member of exempt) delete member.comment;
try {
  await app.generateOutputs(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) {
    console.error("The reference is not written: see the lines above.");
    process.exitCode = 1;
  } else if (checking) {
    const differing = await differences(made, kept);
    if (differing.length > 0) {
      console.error(
        `docs/reference is not what the sources say: ${differing.join(", ")}. Run npm run reference.`,
      );
      process.exitCode = 1;
    }
  } else {
    await rm(kept, { recursive: true, force: true });
    await cp(made, kept, { recursive: true });
  }
} finally {
  await rm(made, { recursive: true, force: true });
}

/**
 * Members whose text is that of what they are a member of: of an object without a name, such as an alternative of a
 * union, and those of one value only, such as `kind: "delete"`.
 */
function membersWithoutText(project) {
  return project
    .getReflectionsByKind(ReflectionKind.Property)
    .filter(({ comment }) => comment === undefined)
    .filter(({ type, parent }) => type?.type === "literal" || parent?.name === "__type");
}

/** The files of which the two folders have different ones. */
async function differences(first, second) {
  const [ours, theirs] = await Promise.all([filesOf(first), filesOf(second)]);
  const names = [...new Set([...ours.keys(), ...theirs.keys()])].sort();
  return names.filter((name) => ours.get(name) !== theirs.get(name));
}

async function filesOf(folder) {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const texts = names
    .filter((name) => name.endsWith(".md"))
    .map(async (name) => [name, await readFile(join(folder, name), "utf8")]);
  return new Map(await Promise.all(texts));
}
