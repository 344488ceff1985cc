import { startChild } from "concordat/testing/federation";
import { expect, test } from "vitest";
import { check, serverOf, startParent } from "./parent.js";

const cornelius = {
  user: "cornelius",
  realm: "realm1",
  pin: "childpin",
  serial: "CHILDHOTP",
  passwords: ["755224", "287082"],
};

test("a request that the parent rejects is answered by the child, and says so", async () => {
  await using child = await startChild({ users: [cornelius] });
  await using parent = await startParent([serverOf(child)]);
  const answer = await check(parent.url, {
    user: "cornelius",
    realm: "realm1",
    pass: "childpin755224",
  });
  expect(answer.status).toBe(200);
  expect(answer.body.result).toEqual({ authentication: "ACCEPT", status: true, value: true });
  expect(answer.body.detail).toMatchObject({
    serial: "CHILDHOTP",
    origin: `${child.url}/validate/check`,
  });
  expect(parent.asked.count).toBe(1);
  expect(child.requests).toHaveLength(1);
});
