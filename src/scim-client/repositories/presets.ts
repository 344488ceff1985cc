import type { ProviderPreset } from "../provider-preset.js";

/**
 * Keycloak's own SCIM API, 26.7. It ignores the removal of all members at once, makes users disabled that do not say
 * that they are active, and finds no user by `id`.
 */
export const keycloakPreset: ProviderPreset = {
  name: "keycloak",
  emptying: "each",
  newUsers: { active: true },
};

/** scimmy with scimmy-routers, 1.3. A member that is added again is there twice. */
export const scimmyPreset: ProviderPreset = { name: "scimmy", doublesMembers: true };

/** SCIM-SDK's server, 1.30. A member that is added again is there twice. */
export const scimSdkPreset: ProviderPreset = { name: "scim-sdk", doublesMembers: true };

/** better-auth with @better-auth/scim, 1.7: no more than 100 members at once, and one comparison in a filter. */
export const betterAuthPreset: ProviderPreset = {
  name: "better-auth",
  membersAtOnce: 100,
  users: { logic: [] },
  groups: { logic: [] },
};
