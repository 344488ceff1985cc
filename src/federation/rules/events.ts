/** Says which of privacyIDEA's events a request is; `undefined` for one that is none. */
export type EventOf = (method: string, path: string) => string | undefined;

/** Says which parameters of a request are in its path, as privacyIDEA merges them with the others. */
export type PathParametersOf = (method: string, path: string) => ReadonlyMap<string, string>;

/**
 * A row of {@link eventTable}: the methods, the path, in which `*` stands for one segment and `{name}` for one that is
 * a parameter, and the event.
 */
export type EventRow = readonly [methods: string, path: string, event: string];

/**
 * The events of privacyIDEA by the methods and paths of its API. Of the rows that fit a request the first whose path
 * has only literal segments says which event it is, or else the first: rows of one's own go before these, or instead of
 * them.
 */
export const eventTable: readonly EventRow[] = [
  ["POST", "/auth", "auth"],
  ["GET POST", "/validate/check", "validate_check"],
  ["GET POST", "/validate/radiuscheck", "validate_check"],
  ["GET POST", "/validate/samlcheck", "validate_check"],
  ["GET POST", "/validate/triggerchallenge", "validate_triggerchallenge"],
  ["GET", "/validate/polltransaction", "validate_poll_transaction"],
  ["GET", "/validate/polltransaction/{transaction_id}", "validate_poll_transaction"],
  ["POST", "/validate/offlinerefill", "validate_offlinerefill"],
  ["GET POST", "/ttype/{ttype}", "ttype"],
  ["POST", "/token/init", "token_init"],
  ["GET", "/token/challenges/", "token_getchallenges"],
  ["GET", "/token/challenges/{serial}", "token_getchallenges"],
  ["DELETE", "/token/challenges/transaction/{transaction_id}", "token_cancelchallenge"],
  ["GET", "/token/", "token_list"],
  ["POST", "/token/assign", "token_assign"],
  ["POST", "/token/unassign", "token_unassign"],
  ["POST", "/token/revoke", "token_revoke"],
  ["POST", "/token/revoke/{serial}", "token_revoke"],
  ["POST", "/token/enable", "token_enable"],
  ["POST", "/token/enable/{serial}", "token_enable"],
  ["POST", "/token/disable", "token_disable"],
  ["POST", "/token/disable/{serial}", "token_disable"],
  ["POST", "/token/reset", "token_reset"],
  ["POST", "/token/reset/{serial}", "token_reset"],
  ["POST", "/token/resync", "token_resync"],
  ["POST", "/token/resync/{serial}", "token_resync"],
  ["POST", "/token/setpin", "token_setpin"],
  ["POST", "/token/setpin/{serial}", "token_setpin"],
  ["POST", "/token/setrandompin", "token_setrandompin"],
  ["POST", "/token/setrandompin/{serial}", "token_setrandompin"],
  ["POST", "/token/description", "token_set"],
  ["POST", "/token/description/{serial}", "token_set"],
  ["POST", "/token/set", "token_set"],
  ["POST", "/token/set/{serial}", "token_set"],
  ["POST", "/token/realm/{serial}", "token_realm"],
  ["GET", "/token/sshkey/{serial}", "token_sshkey"],
  ["POST", "/token/load/{filename}", "token_load"],
  ["POST", "/token/copypin", "token_copypin"],
  ["POST", "/token/copyuser", "token_copyuser"],
  ["POST", "/token/lost/{serial}", "token_lost"],
  ["GET", "/token/getserial/{otp}", "token_getserial"],
  ["POST DELETE", "/token/info/{serial}/{key}", "token_info"],
  ["POST", "/token/group/{serial}", "token_assign_group"],
  ["POST", "/token/group/{serial}/{groupname}", "token_assign_group"],
  ["DELETE", "/token/group/{serial}/{groupname}", "token_unassign_group"],
  ["DELETE", "/token/", "token_delete"],
  ["DELETE", "/token/{serial}", "token_delete"],
  ["GET", "/user/", "user_list"],
  ["GET", "/user/count", "user_count"],
  ["GET", "/user/settings", "user_settings_get"],
  ["POST", "/user/settings", "user_settings_set"],
  ["DELETE", "/user/settings", "user_settings_delete"],
  ["DELETE", "/user/settings/{key}", "user_settings_delete"],
  ["POST", "/user/attribute", "set_custom_user_attribute"],
  ["GET", "/user/attribute", "get_user_attribute"],
  ["GET", "/user/internal_attribute", "get_user_internal_attribute"],
  ["GET", "/user/editable_attributes/", "get_editable_attributes"],
  ["DELETE", "/user/attribute/{attrkey}/{username}/{realm}", "delete_custom_user_attribute"],
  ["DELETE", "/user/{resolvername}/{username}", "user_delete"],
  ["POST", "/user", "user_add"],
  ["POST", "/user/", "user_add"],
  ["PUT", "/user", "user_update"],
  ["PUT", "/user/", "user_update"],
  ["POST", "/container/init", "container_init"],
  ["POST", "/container/register/initialize", "container_register_initialize"],
  ["POST", "/container/register/finalize", "container_register_finalize"],
  ["POST", "/container/register/terminate/client", "container_unregister"],
  ["POST", "/container/register/{container_serial}/terminate", "container_unregister"],
  ["POST", "/container/challenge", "container_create_challenge"],
  ["POST", "/container/synchronize", "container_synchronize"],
  ["POST", "/container/rollover", "container_init_rollover"],
  ["POST", "/container/{container_serial}/assign", "container_assign"],
  ["POST", "/container/{container_serial}/unassign", "container_unassign"],
  ["POST", "/container/{container_serial}/add", "container_add_token"],
  ["POST", "/container/{container_serial}/addall", "container_add_token"],
  ["POST", "/container/{container_serial}/remove", "container_remove_token"],
  ["POST", "/container/{container_serial}/removeall", "container_remove_token"],
  ["POST", "/container/{container_serial}/description", "container_set_description"],
  ["POST", "/container/{container_serial}/states", "container_set_states"],
  ["POST", "/container/{container_serial}/realms", "container_set_realms"],
  ["DELETE", "/container/{container_serial}", "container_delete"],
  ["GET", "/tokengroup/", "tokengroup_list"],
  ["GET", "/tokengroup/{groupname}", "tokengroup_list"],
  ["POST", "/tokengroup/{groupname}", "tokengroup_add"],
  ["DELETE", "/tokengroup/{groupname}", "tokengroup_delete"],
  ["GET", "/serviceid/", "serviceid_list"],
  ["GET", "/serviceid/{name}", "serviceid_list"],
  ["POST", "/serviceid/{name}", "serviceid_add"],
  ["DELETE", "/serviceid/{name}", "serviceid_delete"],
  ["GET", "/subscriptions/status", "subscription_status"],
  ["GET", "/subscriptions/", "subscription_get"],
  ["GET", "/subscriptions/{application}", "subscription_get"],
  ["POST", "/subscriptions/", "subscription_save"],
  ["DELETE", "/subscriptions/{application}", "subscription_delete"],
  ["POST", "/clients/", "api_client_add"],
  ["GET", "/clients/", "api_client_list"],
  ["GET", "/clients/{client_id}", "api_client_list"],
  ["PATCH", "/clients/{client_id}", "api_client_edit"],
  ["POST", "/clients/{client_id}/rotate", "api_client_rotate"],
  ["DELETE", "/clients/remembered_devices", "remembered_device_revoke_bulk"],
  ["GET", "/clients/{client_id}/remembered_devices", "remembered_device_list"],
  ["DELETE", "/clients/{client_id}/remembered_devices", "remembered_device_revoke_all"],
  ["DELETE", "/clients/{client_id}/remembered_devices/{device_id}", "remembered_device_revoke"],
  ["DELETE", "/clients/{client_id}", "api_client_delete"],
];

/** A function that says which event a request is, by a table. */
export function eventsOf(rows: readonly EventRow[] = eventTable): EventOf {
  const find = finder(rows);
  return (method, path) => find(method, path)?.event;
}

/** A function that says which parameters are in the path of a request, by a table. */
export function pathParametersOf(rows: readonly EventRow[] = eventTable): PathParametersOf {
  const find = finder(rows);
  return (method, path) => {
    const parameters = new Map<string, string>();
    const parts = path.split("/");
    for (const [at, segment] of (find(method, path)?.segments ?? []).entries()) {
      if (segment.startsWith("{")) parameters.set(segment.slice(1, -1), parts[at] ?? "");
    }
    return parameters;
  };
}

interface Route {
  readonly methods: readonly string[];
  readonly segments: readonly string[];
  readonly event: string;
}

/** Finds the row for a request. */
function finder(rows: readonly EventRow[]): (method: string, path: string) => Route | undefined {
  const exact = new Map<string, Route>();
  const patterns: Route[] = [];
  for (const [names, path, event] of rows) {
    const route = { methods: names.split(" "), segments: path.split("/"), event };
    if (route.segments.some(isVariable)) patterns.push(route);
    else {
      for (const method of route.methods) {
        const key = `${method} ${path}`;
        if (!exact.has(key)) exact.set(key, route);
      }
    }
  }
  return (asked, path) => {
    // HEAD does all that GET does (RFC 9110 §9.3.2).
    const method = asked === "HEAD" ? "GET" : asked;
    const known = exact.get(`${method} ${path}`);
    if (known !== undefined) return known;
    const parts = path.split("/");
    return patterns.find(
      ({ methods, segments }) =>
        methods.includes(method) &&
        segments.length === parts.length &&
        segments.every((segment, at) =>
          isVariable(segment) ? parts[at] !== "" : segment === parts[at],
        ),
    );
  };
}

function isVariable(segment: string): boolean {
  return segment === "*" || segment.startsWith("{");
}
