import { startDirectory } from "concordat/testing/directory";
import { Client } from "ldapts";
import { expect, test } from "vitest";
import { playScenario } from "./dirsync-scenario.js";
import { describeWithSamba, startSamba } from "./samba.js";

describeWithSamba("a domain controller, played and real", () => {
  test("tells the same on the wire, step by step", async () => {
    await using directory = await startDirectory({ activeDirectory: true });
    const client = new Client({ url: directory.url });
    await client.bind(directory.adminDn, directory.password);
    const { url, suffix, adminDn: bindDn, password } = directory;
    const played = await playScenario({ url, suffix, bindDn, password, client });
    await client.unbind();

    await using samba = await startSamba();
    const administrator = await samba.client();
    const real = await playScenario({
      url: samba.url,
      suffix: samba.suffix,
      bindDn: samba.reader.dn,
      password: samba.reader.password,
      client: administrator,
    });
    await administrator.unbind();
    expect(played).toEqual(real);
    expect(real.every(({ seen }) => seen.length > 0)).toBe(true);
  }, 600_000);
});
