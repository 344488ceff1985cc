import { readFile } from "node:fs/promises";
import { Client } from "ldapts";
import { expect, test } from "vitest";
import { describeWithSlapd, startSlapd } from "./slapd.js";

describeWithSlapd("a slapd of our own", () => {
  test("serves ldap and StartTLS, and keeps its data over a kill", async () => {
    await using slapd = await startSlapd({
      tls: true,
      ldapi: true,
      refint: true,
      reloadHint: true,
      schema: "rfc2307bis",
    });
    const before = await slapd.client();
    const dn = `cn=staff,ou=groups,${slapd.suffix}`;
    await before.add(dn, {
      objectClass: ["groupOfNames", "posixGroup"],
      cn: "staff",
      gidNumber: "100",
      member: slapd.adminDn,
    });
    await before.unbind();
    await slapd.stop("SIGKILL");
    await slapd.start();

    const after = new Client({ url: slapd.url.replace("127.0.0.1", "localhost") });
    await after.startTLS({ ca: await readFile(slapd.caFile ?? "") });
    await after.bind(slapd.adminDn, slapd.password);
    const { searchEntries } = await after.search(dn, { attributes: ["gidNumber"] });
    await after.unbind();
    expect(searchEntries).toEqual([{ dn, gidNumber: "100" }]);
  });

  test("serves ldaps with a certificate of a private authority", async () => {
    await using slapd = await startSlapd({ tls: true, sessionLog: 0 });
    const client = new Client({
      url: slapd.ldapsUrl ?? "",
      tlsOptions: { ca: await readFile(slapd.caFile ?? "") },
    });
    await client.bind(slapd.adminDn, slapd.password);
    const { searchEntries } = await client.search(slapd.suffix, {
      scope: "one",
      attributes: ["1.1"],
    });
    await client.unbind();
    expect(searchEntries.map((entry) => entry.dn).sort()).toEqual([
      `ou=groups,${slapd.suffix}`,
      `ou=people,${slapd.suffix}`,
    ]);
  });
});
