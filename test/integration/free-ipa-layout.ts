/**
 * How FreeIPA lays out its directory, as far as a reader sees it: the tree, the plugins, and the object classes of users
 * and groups, by their names and numbers in FreeIPA's schema.
 */

/** The classes and attributes that FreeIPA adds, without those that are not read here. */
export const freeIpaSchema: string = `dn: cn=schema
attributeTypes: ( 2.16.840.1.113730.3.8.3.1 NAME 'ipaUniqueID' EQUALITY caseIgnoreMatch ORDERING caseIgnoreOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributeTypes: ( 2.16.840.1.113730.3.8.23.1 NAME 'memberManager' SUP distinguishedName EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
attributeTypes: ( 2.16.840.1.113719.1.301.4.1.1 NAME 'krbPrincipalName' EQUALITY caseExactIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
attributeTypes: ( 2.16.840.1.113719.1.301.4.6.1 NAME 'krbPrincipalExpiration' EQUALITY generalizedTimeMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
attributeTypes: ( 2.16.840.1.113719.1.301.4.37.1 NAME 'krbPasswordExpiration' EQUALITY generalizedTimeMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
attributeTypes: ( 2.16.840.1.113719.1.301.4.45.1 NAME 'krbLastPwdChange' EQUALITY generalizedTimeMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
attributeTypes: ( 2.16.840.1.113719.1.301.4.48.1 NAME 'krbLastSuccessfulAuth' EQUALITY generalizedTimeMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
objectClasses: ( 2.16.840.1.113730.3.8.4.12 NAME 'ipaObject' AUXILIARY MUST ipaUniqueID )
objectClasses: ( 2.16.840.1.113730.3.8.4.3 NAME 'nestedGroup' SUP groupOfNames STRUCTURAL MAY memberOf )
objectClasses: ( 2.16.840.1.113730.3.8.4.4 NAME 'ipaUserGroup' SUP nestedGroup STRUCTURAL MAY memberManager )
objectClasses: ( 2.16.840.1.113730.3.8.4.5 NAME 'ipaHostGroup' SUP nestedGroup STRUCTURAL MAY memberManager )
objectClasses: ( 2.16.840.1.113719.1.301.6.8.1 NAME 'krbPrincipalAux' AUXILIARY MAY ( krbPrincipalName $ krbPrincipalExpiration $ krbPasswordExpiration $ krbLastPwdChange $ krbLastSuccessfulAuth ) )
`;

/** The plugins that FreeIPA turns on, and how. */
export function freeIpaPlugins(suffix: string): Record<string, readonly string[]> {
  const deleted = `cn=provisioning,${suffix}`;
  return {
    "MemberOf Plugin": [
      "memberofgroupattr: member",
      "memberofattr: memberOf",
      `memberofentryscope: ${suffix}`,
      `memberofentryscopeexcludesubtree: ${deleted}`,
    ],
    "referential integrity postoperation": [
      `nsslapd-plugincontainerscope: ${suffix}`,
      `nsslapd-pluginentryscope: ${suffix}`,
      `nsslapd-pluginExcludeEntryScope: ${deleted}`,
    ],
    "Managed Entries": [
      `nsslapd-pluginConfigArea: cn=Definitions,cn=Managed Entries,cn=etc,${suffix}`,
    ],
  };
}

const containers = [
  "cn=accounts",
  "cn=users,cn=accounts",
  "cn=groups,cn=accounts",
  "cn=hostgroups,cn=accounts",
  "cn=etc",
  "cn=Managed Entries,cn=etc",
  "cn=Templates,cn=Managed Entries,cn=etc",
  "cn=Definitions,cn=Managed Entries,cn=etc",
  "cn=dns",
  "cn=provisioning",
  "cn=accounts,cn=provisioning",
  "cn=staged users,cn=accounts,cn=provisioning",
  "cn=deleted users,cn=accounts,cn=provisioning",
];

/** The tree, with the template of user private groups, and the lock of staged and preserved users. */
export function freeIpaLdif(suffix: string, aci: string): string {
  const [, domain = ""] = /^dc=([^,]+)/.exec(suffix) ?? [];
  const tree = containers.map((name) => {
    const cn = name.slice("cn=".length, name.indexOf(",") < 0 ? undefined : name.indexOf(","));
    return `dn: ${name},${suffix}\nobjectClass: nsContainer\ncn: ${cn}\n`;
  });
  const provisioned = `cn=accounts,cn=provisioning,${suffix}`;
  const managed = `cn=Managed Entries,cn=etc,${suffix}`;
  return `dn: ${suffix}
objectClass: domain
objectClass: pilotObject
dc: ${domain}
info: IPA V2.0
${aci}

${tree.join("\n")}
dn: cn=UPG Template,cn=Templates,${managed}
objectClass: mepTemplateEntry
cn: UPG Template
mepRDNAttr: cn
mepStaticAttr: objectclass: posixgroup
mepStaticAttr: objectclass: ipaobject
mepStaticAttr: ipaUniqueId: autogenerate
mepMappedAttr: cn: $uid
mepMappedAttr: gidNumber: $uidNumber
mepMappedAttr: description: User private group for $uid

dn: cn=UPG Definition,cn=Definitions,${managed}
objectClass: extensibleObject
cn: UPG Definition
originScope: cn=users,cn=accounts,${suffix}
originFilter: objectclass=posixAccount
managedBase: cn=groups,cn=accounts,${suffix}
managedTemplate: cn=UPG Template,cn=Templates,${managed}

dn: cn=Inactivation cos template,${provisioned}
objectClass: extensibleObject
objectClass: cosTemplate
cosPriority: 1
cn: Inactivation cos template
nsAccountLock: true

dn: cn=provisioning accounts lock,${provisioned}
objectClass: cosSuperDefinition
objectClass: cosPointerDefinition
objectClass: ldapSubEntry
costemplatedn: cn=Inactivation cos template,${provisioned}
cosAttribute: nsaccountlock operational
cn: provisioning accounts lock
`;
}
