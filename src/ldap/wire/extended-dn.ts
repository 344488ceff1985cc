/**
 * Distinguished names as Active Directory writes them with the extended DN control (MS-ADTS 3.1.1.3.4.1.5):
 * `<GUID=…>;<SID=…>;CN=…`, the SID only where there is one.
 */
const pattern = /^<GUID=([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})>;(?:<SID=[^>]*>;)?/i;

/** What all such names begin with. */
const prefix = "<GUID=";

/** The permanent id in an extended name, in lower case; undefined of any other text. */
export function idOfExtendedDn(text: string): string | undefined {
  return text.startsWith(prefix) ? pattern.exec(text)?.[1]?.toLowerCase() : undefined;
}

/** The name without what was put before it. */
export function plainDn(text: string): string {
  return text.startsWith(prefix) ? text.replace(pattern, "") : text;
}

/**
 * The security identifier, as text (MS-DTYP 2.4.2.1), of the foreign security principal that is named: it stands for an
 * account of another domain. Undefined of any other name.
 */
export function foreignSidOf(extendedDn: string): string | undefined {
  const name = plainDn(extendedDn);
  return /^CN=(S-1-[\d-]+),CN=ForeignSecurityPrincipals,/i.exec(name)?.[1]?.toUpperCase();
}
