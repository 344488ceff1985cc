import assert from "node:assert/strict";
import { test } from "node:test";
import { foundCompany } from "../company.ts";
import { Instance } from "../instance.ts";
import { site } from "../site.ts";

test("the division knows Bruno, also while one of its instances is stopped", async () => {
  const company = await foundCompany();
  const parent = new Instance("headquarters", site(company, new AbortController().signal), 0);
  await parent.start();
  try {
    const ask = async (user: string) => {
      const pressed = await fetch(`${parent.url}/tokens/${user}/press`, { method: "POST" });
      const pass = (await pressed.text()).trim();
      const body = new URLSearchParams({ user, pass });
      const response = await fetch(`${parent.url}/validate/check`, { method: "POST", body });
      return ((await response.json()) as { result: { value: boolean } }).result.value;
    };
    assert.equal(await ask("ada"), true);
    assert.equal(await ask("bruno"), true);
    await company.children[0]?.stop();
    assert.equal(await ask("bruno"), true);
  } finally {
    await parent.stop();
    await company[Symbol.asyncDispose]();
  }
});
