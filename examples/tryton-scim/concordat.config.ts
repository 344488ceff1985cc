import { readFileSync } from "node:fs";
import { defineConfig, secret } from "concordat/cli";
import { inetOrgPerson, inspectDirectory, type WatchOptions, watchDirectory } from "concordat/ldap";
import { settingsOf } from "./settings.ts";
import { trytonTarget } from "./target.ts";

const url = secret.env("LDAP_URL");
const { LDAP_CA_FILE, STATE_FILE } = process.env;
const { target, check, close } = await trytonTarget(settingsOf(), STATE_FILE || "state.sqlite");

const directory: WatchOptions = {
  url,
  base: secret.env("LDAP_BASE"),
  profile: inetOrgPerson,
  bind: {
    method: "simple",
    dn: secret.env("LDAP_BIND_DN"),
    password: secret.env("LDAP_PASSWORD"),
  },
  ...(LDAP_CA_FILE ? { tls: { ca: readFileSync(LDAP_CA_FILE) } } : {}),
  // Only a directory on this machine is read without encryption.
  allowCleartext: /^ldap:\/\/(?:127\.|localhost)/.test(url),
};

export default defineConfig({
  sync: {
    stream: watchDirectory(directory),
    checkSource: () => inspectDirectory(directory),
    checkTarget: check,
    target,
    options: {
      // Whom Tryton knows already is taken for the entry of the same name.
      match: { users: "userName", groups: "displayName" },
      // Tryton's groups have no groups in them: who is in one of those is in the group itself.
      nested: "flatten",
      maxDeletes: { count: 100, fraction: 0.2 },
      onDelete: process.env["ON_DELETE"] === "delete" ? "delete" : "deactivate",
    },
  },
  close,
});
