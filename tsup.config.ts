import { defineConfig, type Options } from "tsup";

const config: Options = {
  entry: [
    "src/index.ts",
    "src/{scim,repositories,changes,ldap,sync,scim-server,scim-client,signing,sso,federation,kysely,node,testing}/index.ts",
    "src/testing/{directory,federation}/index.ts",
  ],
  format: "esm",
  dts: true,
  clean: true,
  sourcemap: true,
  target: "node22",
  // tsup strips "node:" by default, and "sqlite" without it is another module.
  removeNodeProtocol: false,
};

export default defineConfig(config) as Options;
