import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { foundCompany } from "../company.ts";
import { demonstrate } from "../demonstration.ts";
import { chosenLog } from "../log.ts";

test("all three applications have what the directory has, although two were away", async () => {
  await using company = await foundCompany(await chosenLog());
  await demonstrate(company, new AbortController().signal);
  const users = company.directory.entries({ filter: "(objectClass=inetOrgPerson)" }).length;
  for (const application of company.applications) {
    for (const until = Date.now() + 60_000; Date.now() < until; await pause(50)) {
      if ((await application.counts()).users === users) break;
    }
    assert.equal((await application.counts()).users, users);
  }
});
