import { startChild } from "concordat/testing/federation";
import { describe, expect, test } from "vitest";
import { rule, serverOf, startParent } from "./parent.js";

/** Sends parts to a parent, and returns the status, and the type and content that the child has got. */
async function sent(
  body: string | Uint8Array<ArrayBuffer>,
  type = "multipart/form-data; boundary=XX",
): Promise<readonly unknown[]> {
  await using child = await startChild();
  await using parent = await startParent([serverOf(child)], {
    maxBodyBytes: 10_000,
    rules: [rule({ position: "pre", conditions: { realm: "division" } })],
  });
  const { status } = await fetch(`${parent.url}/validate/check`, {
    method: "POST",
    body,
    headers: { "content-type": type },
  });
  const [request] = child.requests;
  if (request === undefined) return [status];
  const at = request.fields.findIndex((name) => name.toLowerCase() === "content-type");
  return [request.fields[at + 1], request.content];
}

const part = (name: string, value: string): string =>
  `--XX\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const realm = part("realm", "division");

describe("a form that is sent as parts", () => {
  const form = "application/x-www-form-urlencoded";

  test("as PHP's curl sends it, goes on as a form", async () => {
    const boundary = "------------------------d74496d66958873e";
    const body = [
      ["user", "cornelius"],
      ["pass", "a%41 ü&="],
      ["realm", "division"],
    ].map(
      ([name, value]) =>
        `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    );
    expect(
      await sent(
        `${body.join("")}--${boundary}--\r\n`,
        `multipart/form-data; boundary=${boundary}`,
      ),
      // The child decodes twice.
    ).toEqual([form, "user=cornelius&pass=a%252541%20%C3%BC%26%3D&realm=division"]);
  });

  test.each([
    ["lines and boundaries in a value", part("pass", "a\r\nb--XX\r\n"), "pass=a%0D%0Ab--XX%0D%0A"],
    ["an empty value", part("pass", ""), "pass="],
    ["an empty name", part("", "x"), "=x"],
    [
      "a type that says what it is anyway",
      '--XX\r\ncontent-type: text/plain; charset="UTF-8"\r\nCONTENT-LENGTH: 1\r\ncontent-disposition: form-data; ' +
        'name="x"\r\n\r\nü\r\n',
      "x=%C3%BC",
    ],
  ])("may have %s", async (_name, body, content) => {
    expect(await sent(`${realm}${body}--XX--\r\n`)).toEqual([form, `realm=division&${content}`]);
    expect(await sent(`${realm}${body}--XX--`, 'Multipart/Form-Data;boundary="XX"')).toEqual([
      form,
      `realm=division&${content}`,
    ]);
  });

  test("of a realm that no rule is for is for the host's own handler", async () => {
    expect(await sent(`${part("realm", "other")}--XX--\r\n`)).toEqual([200]);
    expect(await sent("--XX--\r\n")).toEqual([200]);
  });

  const file = '--XX\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nx\r\n';
  test.each([
    ["a file", `${realm}${file}--XX--\r\n`, 415],
    [
      "an encoded part",
      `${realm.replace("\r\n\r\n", "\r\ncontent-transfer-encoding: base64\r\n\r\n")}--XX--\r\n`,
      415,
    ],
    [
      "a part of another type",
      `${realm.replace("\r\n\r\n", "\r\ncontent-type: text/html\r\n\r\n")}--XX--\r\n`,
      415,
    ],
    [
      "a part in Latin",
      `${realm.replace("\r\n\r\n", "\r\ncontent-type: text/plain; charset=iso-8859-1\r\n\r\n")}--XX--\r\n`,
      415,
    ],
    ["a name with an escape", `${part('re\\"alm', "x")}--XX--\r\n`, 415],
    ["a name with a percent sign", `${part("re%22alm", "x")}--XX--\r\n`, 415],
    [
      "a name in another notation",
      `--XX\r\nContent-Disposition: form-data; name*=utf-8''realm\r\n\r\nx\r\n--XX--\r\n`,
      415,
    ],
    [
      "a name without quotation marks",
      `--XX\r\nContent-Disposition: form-data; name=realm\r\n\r\nx\r\n--XX--\r\n`,
      415,
    ],
    [
      "two names",
      `--XX\r\nContent-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; ` +
        `name="b"\r\n\r\nx\r\n--XX--\r\n`,
      400,
    ],
    ["no name", "--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--\r\n", 400],
    ["no fields", "--XX\r\n\r\nx\r\n--XX--\r\n", 400],
    ["text before the parts", `x\r\n${realm}--XX--\r\n`, 400],
    ["text after the parts", `${realm}--XX--\r\nx`, 400],
    ["another end", `${realm}--XX--x`, 400],
    ["a space behind the boundary", `${realm.replace("--XX\r", "--XX \r")}--XX--\r\n`, 400],
    ["no end", realm, 400],
    ["lines that end otherwise", `${realm}--XX--\r\n`.replaceAll("\r\n", "\n"), 400],
    [
      "a field that others divide",
      `${realm.replace("\r\n\r\n", '\r\nContent-Length: 1\nContent-Disposition: form-data; name="x"\r\n\r\n')}--XX--\r\n`,
      400,
    ],
    [
      "a field that ends the head for others",
      `${realm.replace("\r\n\r\n", "\r\nContent-Length: 1\n\nother\r\n\r\n")}--XX--\r\n`,
      400,
    ],
    [
      "a boundary that others see",
      `${realm}${part("x", `a\n${part("user", "b").replaceAll("\r\n", "\n")}`)}--XX--\r\n`,
      400,
    ],
    ["a boundary behind a carriage return", `${realm}${part("x", "a\r--XX\r")}--XX--\r\n`, 400],
    ["a parameter in two ways", `${realm}${part("realm", "other")}--XX--\r\n`, 400],
    ["too much", `${realm}${part("x", "x".repeat(10_000))}--XX--\r\n`, 413],
  ])("is refused if it has %s", async (_name, body, status) => {
    expect(await sent(body)).toEqual([status]);
  });

  test("is refused if it is not UTF-8, or has no boundary", async () => {
    expect(await sent(Buffer.from(`${part("realm", "\xff")}--XX--\r\n`, "latin1"))).toEqual([400]);
    for (const type of ["", "; boundary=", "; boundary=X X", "; boundary=XX; boundary=YY"]) {
      expect(await sent(`${realm}--XX--\r\n`, `multipart/form-data${type}`)).toEqual([400]);
    }
  });
});
