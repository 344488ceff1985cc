import { defineConfig, mergeConfig, type ViteUserConfig } from "vitest/config";
import config from "./vitest.config.js";

/** The tests that drive foreign peers which are slow to set up: `npm run test:peers`. */
const peers: ViteUserConfig = {
  ...mergeConfig(config, defineConfig({})),
  test: { ...config.test, include: ["test/**/*.peers.ts"] },
};

export default peers;
