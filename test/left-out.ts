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
    if (names.size > 0) console.log(["Left out:", ...names].join("\n  "));
  },
};
