/**
 * Attributes whose values let their reader sign in as another user, by name in lower case and, where that is
 * well known, by object identifier. These are the known ones of common servers; a schema of one's own may have others.
 */
export const secretAttributes: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "userpassword",
  "2.5.4.35",
  "authpassword",
  "1.3.6.1.4.1.4203.1.3.4",
  "pwdhistory",
  "1.3.6.1.4.1.42.2.27.8.1.20",
  "passwordhistory",
  "olcrootpw",
  "nsds5replicacredentials",
  // Active Directory
  "unicodepwd",
  "1.2.840.113556.1.4.90",
  "dbcspwd",
  "1.2.840.113556.1.4.55",
  "ntpwdhistory",
  "1.2.840.113556.1.4.94",
  "lmpwdhistory",
  "1.2.840.113556.1.4.160",
  "supplementalcredentials",
  "1.2.840.113556.1.4.125",
  "ms-mcs-admpwd",
  // Samba
  "sambalmpassword",
  "1.3.6.1.4.1.7165.2.1.24",
  "sambantpassword",
  "1.3.6.1.4.1.7165.2.1.25",
  "sambapasswordhistory",
  "1.3.6.1.4.1.7165.2.1.54",
  // Kerberos and FreeIPA
  "krbprincipalkey",
  "2.16.840.1.113719.1.301.4.39.1",
  "krbmkey",
  "krbpwdhistory",
  "ipanthash",
  "ipatokenotpkey",
]);
