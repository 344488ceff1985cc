import { readFile } from "node:fs/promises";
import { connect } from "concordat/ldap";
import { gssapiContext } from "./gssapi.ts";

/** Which directory, and what of it. */
export interface Listing {
  /** With the name of the server that is in its keytab, such as `ldap://dc1.example.com`. */
  readonly url: string;
  readonly base: string;
  /** For `ldaps:`, the file with the certificate of the authority to trust, where it is none that Node trusts. */
  readonly caFile?: string | undefined;
}

/** Binds by Kerberos, and lists who is bound and what is directly below a base, line by line. */
export async function* list({ url, base, caFile }: Listing): AsyncGenerator<string> {
  await using connection = await connect({
    url,
    ...(url.startsWith("ldaps:") && caFile && { tls: { ca: await readFile(caFile) } }),
    bind: { method: "gssapi", context: gssapiContext },
  });
  yield `bound as ${await connection.whoAmI()}`;
  const search = connection.search({
    base,
    scope: "one",
    filter: "(objectClass=*)",
    attributes: ["1.1"],
  });
  for await (const messages of search) {
    for (const message of messages) if (message.kind === "entry") yield message.dn;
  }
}
