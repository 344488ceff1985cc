import { freeIpa, type WatchOptions, watchDirectory } from "concordat/ldap";
import { describe, expect, test } from "vitest";
import { addPeople, change, people, person, staff, suffix } from "./following.js";
import { lagOf, readAll } from "./lag.js";
import { describeWithNsSlapd, type NsSlapd, startNsSlapd } from "./ns-slapd.js";

function watchNsSlapd({ url, readerDn, readerPassword }: NsSlapd, options: Partial<WatchOptions>) {
  const bind = { method: "simple", dn: readerDn, password: readerPassword } as const;
  return watchDirectory({ url, base: suffix, allowCleartext: true, bind, ...options });
}

describe("how far a directory has gone on since a checkpoint", () => {
  describeWithNsSlapd("389 Directory Server", () => {
    test("says the number of changes", async () => {
      await using server = await startNsSlapd();
      const client = await server.client();
      await addPeople(client, ["ann", "bob"]);
      const stream = watchNsSlapd(server, { profile: staff });
      const checkpoint = await readAll(stream);
      expect(await lagOf(stream, checkpoint)).toEqual({ known: true, isAhead: false, changes: 0 });
      for (const title of ["one", "two", "three"]) {
        await change(client, person("ann"), "replace", "title", title);
      }
      expect(await lagOf(stream, checkpoint)).toEqual({ known: true, isAhead: true, changes: 3 });
      const later = await readAll(stream, checkpoint);
      expect(await lagOf(stream, later)).toEqual({ known: true, isAhead: false, changes: 0 });
    });

    test("does not guess of a checkpoint that is of other content", async () => {
      await using server = await startNsSlapd();
      const checkpoint = await readAll(watchNsSlapd(server, { profile: staff }));
      const other = watchNsSlapd(server, { profile: staff, base: people });
      expect(await lagOf(other, checkpoint)).toEqual({
        known: false,
        reason: "The checkpoint does not fit: everything will be read anew.",
      });
    });
  });

  describeWithNsSlapd("FreeIPA, as far as a 389 Directory Server with its layout is one", () => {
    test("says only that there are changes", async () => {
      await using server = await startNsSlapd({ layout: "freeIpa" });
      const client = await server.client();
      const ann = `uid=ann,cn=users,cn=accounts,${suffix}`;
      await client.add(ann, {
        objectClass: ["inetOrgPerson", "inetUser", "ipaObject"],
        ...{ uid: "ann", cn: "ann", sn: "ann", ipaUniqueID: "user-ann" },
      });
      const stream = watchNsSlapd(server, { base: `cn=accounts,${suffix}`, profile: freeIpa });
      const checkpoint = await readAll(stream);
      expect(await lagOf(stream, checkpoint)).toEqual({ known: true, isAhead: false });
      await change(client, ann, "replace", "title", "one");
      expect(await lagOf(stream, checkpoint)).toEqual({ known: true, isAhead: true });
      expect(await lagOf(stream, await readAll(stream, checkpoint))).toEqual({
        known: true,
        isAhead: false,
      });
    });
  });
});
