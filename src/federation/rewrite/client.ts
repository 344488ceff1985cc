import { isIP } from "node:net";
import { textParameter } from "../message/parameters.js";
import type { EventRequest } from "../message/request.js";
import { plainAddress } from "../transport/address.js";
import type { TrustedProxies } from "./forwarded.js";

/** Where privacyIDEA looks at the parameter `client`: at every endpoint that authenticates a user. */
const takesClient = /^\/(?:validate\/|ttype\/|auth(?:\/|$))/;

/**
 * The address of the client, as far as it is known. A requester who is trusted to say who the client is, such as the
 * plugin of a RADIUS server, says it by the parameter `client`; of any other client that is not believed.
 */
export function clientOf(request: EventRequest, proxies: TrustedProxies): string | undefined {
  const requester = proxies.clientOf(request);
  if (!proxies.has(requester) || !takesClient.test(request.path)) return requester;
  const stated = plainAddress(textParameter(request.parameters, "client") ?? "");
  return isIP(stated) === 0 ? requester : stated;
}
