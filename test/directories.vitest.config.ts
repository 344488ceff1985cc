import { defineConfig, mergeConfig, type ViteUserConfig } from "vitest/config";
import config from "./vitest.config.js";

/** The tests that set up other directories than slapd, and Kerberos, which takes long: `npm run test:directories`. */
const directories: ViteUserConfig = {
  ...mergeConfig(config, defineConfig({})),
  test: { ...config.test, include: ["test/**/*.directories.ts"] },
};

export default directories;
