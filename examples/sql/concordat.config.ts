import { readFileSync } from "node:fs";
import { defineConfig, secret } from "concordat/cli";
import { inetOrgPerson, inspectDirectory, type WatchOptions, watchDirectory } from "concordat/ldap";
import { openDatabase } from "./database.ts";
import { applicationTarget, createAllTables } from "./repositories.ts";

const database = secret.env("DATABASE_URL");
const db = await openDatabase(database);
const url = secret.env("LDAP_URL");
const { LDAP_CA_FILE } = process.env;

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
    target: applicationTarget(db),
    // A database that is down is waited for.
    prepare: () => createAllTables(db, database),
    options: {
      // Whom the application knows already is taken for the entry of the same name.
      match: { users: "userName", groups: "displayName" },
      maxDeletes: { count: 100, fraction: 0.2 },
      // Somebody new may have the name of an account whose person is gone; that one gets another then, unless this is set.
      namesOfGone: process.env["NAMES_OF_GONE"] === "refuse" ? "refuse" : "rename",
      protect: ["admin"],
    },
  },
  close: () => db.destroy(),
});
