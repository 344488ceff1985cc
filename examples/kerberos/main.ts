import { LdapError } from "concordat/ldap";
import { list } from "./list.ts";

const { LDAP_URL, LDAP_BASE } = process.env;

async function main(args: readonly string[]): Promise<void> {
  const [url, base] = args.length > 0 ? args : [LDAP_URL, LDAP_BASE];
  if (url === undefined || base === undefined)
    throw new Error("Usage: main.ts URL BASE, or LDAP_URL and LDAP_BASE");
  const caFile = process.env["LDAP_CA"];
  for await (const line of list({ url, base, caFile })) console.log(line);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  // What it says is enough for somebody who runs a program; the cause has the words of the library.
  const { cause } = error instanceof LdapError ? error : {};
  const words = cause instanceof Error ? ` (${cause.message})` : "";
  console.error(error instanceof Error ? error.message + words : error);
  process.exitCode = 1;
});
