import type { Reporter, TestModule } from "vitest/node";

/** Names at the end of a run what was skipped for want of something, and what to install for it. */
export const leftOut: Reporter = {
  onTestRunEnd(modules: readonly TestModule[]) {
    const names = new Set<string>();
    for (const module of modules) {
      for (const suite of module.children.allSuites()) {
        if (suite.options.mode === "skip" && /\(install the .*\)$/.test(suite.name)) {
          names.add(suite.name);
        }
      }
    }
    for (const command of ["test:directories", "test:applications", "test:peers"]) {
      // Each has a configuration of its own, and none of them runs the others.
      if (!process.argv.some((argument) => argument.includes(`${command.slice(5)}.vitest`))) {
        names.add(`what takes long to set up: npm run ${command}`);
      }
    }
    if (names.size > 0) console.log(["Left out:", ...names].join("\n  "));
  },
};
