import { readFileSync } from "node:fs";
import { defineConfig, secret } from "concordat/cli";
import { inetOrgPerson, inspectDirectory, type WatchOptions, watchDirectory } from "concordat/ldap";
import { requestTrackerTarget } from "./target.ts";

const url = secret.env("LDAP_URL");
const { LDAP_CA_FILE, RT_SITE_CONFIG, RT_SITE_CONFIG_DIR, RT_TIMEOUT, STATE_FILE } = process.env;
const { target, close } = await requestTrackerTarget({
  url: secret.env("RT_URL"),
  token: secret.env("RT_TOKEN"),
  timeout: Number(RT_TIMEOUT || 30_000),
  serviceAccount: secret.env("RT_ACCOUNT"),
  state: STATE_FILE || "state.sqlite",
  // Set where this runs on the host of Request Tracker: sessions of who is disabled are ended then.
  ...(RT_SITE_CONFIG
    ? { sessions: { RT_SITE_CONFIG, ...(RT_SITE_CONFIG_DIR ? { RT_SITE_CONFIG_DIR } : {}) } }
    : {}),
});

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
    target,
    options: {
      // Whom Request Tracker knows already is taken for the entry of the same name.
      match: { users: "userName", groups: "displayName" },
      maxDeletes: { count: 100, fraction: 0.2 },
      // Somebody new may have the name of an account whose person is gone; that one gets another then, unless this is set.
      namesOfGone: process.env["NAMES_OF_GONE"] === "refuse" ? "refuse" : "rename",
    },
  },
  close,
});
