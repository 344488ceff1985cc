import { readFile } from "node:fs/promises";
import { type ConnectOptions, connect, type GssapiBind } from "concordat/ldap";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { gssapiContext } from "../../examples/kerberos/gssapi.js";
import { gssapiIsMissing } from "./kerberos-realm.js";
import { describeWithSamba, type Samba, startSamba } from "./samba.js";

const many = 400;

describeWithSamba(
  "a GSSAPI bind at a domain controller",
  () => {
    let samba: Samba;
    let keytab: string;
    let ca: Buffer;

    beforeAll(async () => {
      samba = await startSamba({ kerberos: true });
      keytab = await samba.keytab("reader");
      ca = await readFile(samba.caFile);
      const client = await samba.client();
      for (let number = 0; number < many; number += 1) {
        const description = `${"x".repeat(1000)}`;
        await client.add(`CN=g${number},CN=Users,${samba.suffix}`, {
          objectClass: "group",
          description,
        });
      }
      await client.unbind();
    }, 240_000);
    afterAll(async () => {
      await samba[Symbol.asyncDispose]();
    });
    afterEach(() => {
      vi.unstubAllEnvs();
    });

    const gssapi: GssapiBind = {
      method: "gssapi",
      context: gssapiContext,
      host: "dc1.example.test",
    };
    const secured = (): ConnectOptions => ({
      url: samba.url.replace("ldap:", "ldaps:"),
      tls: { ca, servername: "dc1.example.test" },
      bind: gssapi,
    });

    async function found(options: ConnectOptions): Promise<number> {
      vi.stubEnv("KRB5_CONFIG", samba.environment.KRB5_CONFIG);
      vi.stubEnv("KRB5CCNAME", "MEMORY:concordat-samba");
      vi.stubEnv("KRB5_CLIENT_KTNAME", keytab);
      await using connection = await connect(options);
      const filter = "(&(objectClass=group)(cn=g*)(description=x*))";
      return (await connection.searchAll({ base: samba.suffix, filter })).length;
    }

    async function restart(isStrict: boolean): Promise<void> {
      await samba.stop();
      samba.requireStrongAuth(isStrict);
      await samba.start();
    }

    test.each(["privacy", "integrity"] as const)("is protected by %s", async (protection) => {
      expect(await found({ url: samba.url, bind: { ...gssapi, protection } })).toBe(many);
    });

    test("is accepted under TLS without a layer", async () => {
      expect(await found(secured())).toBe(many);
    });

    test("is refused with a layer inside TLS, and the error says what to do", async () => {
      const bind: GssapiBind = { ...gssapi, protection: "privacy" };
      await expect(found({ ...secured(), bind })).rejects.toMatchObject({
        resultName: "unwillingToPerform",
        message: expect.stringContaining("inside TLS"),
      });
    });

    test("by another name says that there is no such service", async () => {
      const bind: GssapiBind = { ...gssapi, host: "dc2.example.test" };
      await expect(found({ url: samba.url, bind })).rejects.toMatchObject({
        code: "ldap_gssapi",
        reason: "service_unknown",
      });
    });

    test("that requires strong authentication takes a layer, and refuses TLS without one", async () => {
      await restart(true);
      expect(await found({ url: samba.url, bind: gssapi })).toBe(many);
      await expect(found(secured())).rejects.toMatchObject({
        resultName: "strongerAuthRequired",
        message: expect.stringContaining("without TLS"),
      });
      const { dn, password } = samba.reader;
      const bind = { method: "simple", dn, password } as const;
      await expect(found({ url: samba.url, bind, allowCleartext: true })).rejects.toMatchObject({
        resultName: "strongerAuthRequired",
        message: expect.stringContaining("use TLS"),
      });
    });
  },
  gssapiIsMissing(),
);
