import { defineConfig, type Options } from "tsup";

const config: Options = {
  entry: [
    "src/index.ts",
    "src/{scim,repositories,changes,ldap,sync,change-log,scim-server,scim-client,signing,sso,federation,kysely,nats,node,testing,cli}/index.ts",
    "src/cli/main.ts",
    "src/testing/{directory,federation}/index.ts",
  ],
  format: "esm",
  dts: true,
  clean: true,
  target: "node22",
  // tsup strips "node:" by default, and "sqlite" without it is another module.
  removeNodeProtocol: false,
};

export default defineConfig(config) as Options;
