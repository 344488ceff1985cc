import { startChild } from "concordat/testing/federation";
import { describe, expect, test } from "vitest";
import recorded from "../../vectors/privacyidea-3.11.4-answers.json" with { type: "json" };

const users = [
  {
    user: "cornelius",
    realm: "realm1",
    pin: "childpin",
    serial: "CHILDHOTP",
    passwords: ["755224", "287082", "359152", "969429"],
  },
  { user: "alice", realm: "realm1", pin: "" },
];

/** The text of an answer without what differs from one child to the next: its signature, and the rest of a token. */
function comparable(text: string): string {
  return text
    .replace(/, "signature": "rsa_sha256_pss:[0-9a-f]+"/, "")
    .replace(/"tokens": \[.*\]\}/, '"tokens": []}');
}

describe("the child answers what a privacyIDEA 3.11.4 was recorded to answer", async () => {
  let time = 0;
  const child = await startChild({ users, time: () => time });
  // One after the other, since a one-time password is taken once.
  test.for(recorded)("$name", async ({ method, path, headers, content, status, type, answer }) => {
    const { recordedTime } = JSON.parse(
      `{"recordedTime": ${/"time": ([\d.]+)/.exec(answer)?.[1] ?? 0}}`,
    ) as { recordedTime: number };
    time = recordedTime;
    const isForm = content !== "" && !("content-type" in headers);
    const response = await fetch(child.url + path, {
      method,
      headers: {
        ...(headers as Record<string, string>),
        ...(isForm ? { "content-type": "application/x-www-form-urlencoded" } : {}),
      },
      ...(content === "" ? {} : { body: content }),
    });
    expect(response.status).toBe(status);
    if (status !== 204) expect(response.headers.get("content-type")).toBe(type);
    expect(comparable(await response.text())).toBe(comparable(answer));
  });
});
