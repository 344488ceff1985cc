import { readFileSync } from "node:fs";
import { defineConfig, secret } from "concordat/cli";
import { inetOrgPerson, inspectDirectory, type WatchOptions, watchDirectory } from "concordat/ldap";
import { Bridge } from "./bridge.ts";
import { exactName, localPart, readableName } from "./names.ts";
import { wikiTarget } from "./target.ts";

const { LDAP_CA_FILE, MW_CONFIG_FILE, STATE_FILE = "mediawiki-state.sqlite" } = process.env;
const url = secret.env("LDAP_URL");
const names = { exact: exactName, readable: readableName, "local-part": localPart };
const { WIKI_NAMES = "exact" } = process.env;
if (!Object.hasOwn(names, WIKI_NAMES)) throw new Error(`WIKI_NAMES is ${Object.keys(names)}.`);

const wiki = await wikiTarget(
  new Bridge({
    ...(MW_CONFIG_FILE ? { settings: MW_CONFIG_FILE } : {}),
    // Accounts that the directory is never to touch: the one by which the wiki was installed, say.
    hidden: (process.env["WIKI_HIDDEN"] ?? "Admin").split(",").map((name) => name.trim()),
  }),
  STATE_FILE,
  names[WIKI_NAMES as keyof typeof names],
);

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
    target: wiki.target,
    options: {
      // Whom the wiki knows already is taken for the entry of the same name; groups of the wiki are never made.
      match: { users: "userName", groups: "displayName" },
      maxDeletes: { count: 100, fraction: 0.2 },
      // Somebody new may have the name of an account whose person is gone; that one gets another then, unless this is set.
      namesOfGone: process.env["NAMES_OF_GONE"] === "refuse" ? "refuse" : "rename",
      onDelete: process.env["ON_DELETE"] === "delete" ? "delete" : "deactivate",
    },
  },
  close: async () => {
    await wiki[Symbol.asyncDispose]();
  },
});
