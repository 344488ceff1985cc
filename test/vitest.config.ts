import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { leftOut } from "./left-out.js";

if (Number(process.versions.node.split(".")[0]) < 22) {
  throw new Error(
    `The tests need Node 22 or newer, this is ${process.version}: run them with npm test.`,
  );
}

const root: string = fileURLToPath(new URL("..", import.meta.url));

const config: ViteUserConfig = defineConfig({
  root,
  resolve: {
    alias: [
      { find: /^concordat$/, replacement: `${root}src/index.ts` },
      { find: /^concordat\/(.+)$/, replacement: `${root}src/$1/index.ts` },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", leftOut],
    typecheck: { enabled: true, include: ["test/**/*.test-d.ts"] },
    benchmark: { include: ["test/bench/**/*.bench.ts"] },
    coverage: { provider: "v8", include: ["src/**"] },
    // Two files at once on the smallest machine, too: most of them wait for somebody else for most of the time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 30_000,
    // A busy machine may take seconds for what takes milliseconds: nobody waits longer than it takes.
    expect: { poll: { timeout: 20_000 } },
  },
});

export default config;
