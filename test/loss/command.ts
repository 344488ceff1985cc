import { spawn } from "node:child_process";

// `npm run test:loss` runs 20 seeds against OpenLDAP, `npm run test:loss -- 389ds` five against the reader of that name;
// further arguments are vitest's. CONCORDAT_SEEDS and CONCORDAT_SEED say how many, or which.
const [first, ...others] = process.argv.slice(2);
const reader =
  first === undefined || first.startsWith("-") || first.includes("/") ? undefined : first;
const isChosen = process.env["CONCORDAT_SEED"] !== undefined;
const seeds = process.env["CONCORDAT_SEEDS"] ?? (reader === undefined ? "20" : "5");
const env = {
  ...process.env,
  ...(isChosen ? {} : { CONCORDAT_SEEDS: seeds }),
  ...(reader === undefined ? {} : { CONCORDAT_READER: reader }),
};
const files = filesOf(reader);
const passedOn = reader === undefined ? process.argv.slice(2) : others;
const config = reader === undefined ? "test/vitest.config.ts" : "test/directories.vitest.config.ts";
const args = ["vitest", "run", "--config", config, ...files, ...passedOn];

function filesOf(name: string | undefined): readonly string[] {
  if (name === undefined) return ["test/loss/loss.test.ts"];
  // A domain has writers of its own: for primary groups, and for units that move with all that is in them.
  return name === "activedirectory"
    ? ["test/loss/active-directory"]
    : ["test/loss/readers.directories.ts"];
}

const vitest = spawn("npx", args, { stdio: "inherit", env });
vitest.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
