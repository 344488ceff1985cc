import { defineConfig, mergeConfig, type ViteUserConfig } from "vitest/config";
import config from "./vitest.config.js";

/** The tests that run the templates against the real applications, which take long: `npm run test:applications`. */
const applications: ViteUserConfig = {
  ...mergeConfig(config, defineConfig({})),
  test: { ...config.test, include: ["test/**/*.applications.ts"] },
};

export default applications;
