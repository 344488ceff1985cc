import type { ServerResponse } from "node:http";

/** What a child can do wrong, once or until that is changed. */
export type ChildFault =
  /** Takes the request and never responds. */
  | { readonly kind: "silent" }
  /** Waits before the first byte, in milliseconds. */
  | {
      readonly kind: "slow-headers";
      /** How long it waits, in milliseconds. */
      readonly delay: number;
    }
  /** Sends half of the response, and the other half later, in milliseconds. */
  | {
      readonly kind: "slow-body";
      /** How long it waits between the halves, in milliseconds. */
      readonly delay: number;
    }
  /** Closes the connection in the middle of the response. */
  | { readonly kind: "cut" }
  /** Closes the connection instead of answering. */
  | { readonly kind: "reset" }
  /** Answers with a redirect. */
  | {
      readonly kind: "redirect";
      /** The status, such as 302. */
      readonly status: number;
      /** The content of the `Location` field. */
      readonly location: string;
    }
  /** Answers with these bytes. */
  | {
      readonly kind: "bytes";
      /** The status. Default: 200. */
      readonly status?: number;
      /** The content of the `Content-Type` field. Default: `application/json`. */
      readonly type?: string;
      /** The bytes; text is sent as UTF-8. */
      readonly content: string | Uint8Array;
    }
  /** Answers with as many bytes of JSON. */
  | {
      readonly kind: "oversized";
      /** How many bytes of padding the JSON has; 15 more are around it. */
      readonly size: number;
    }
  /** Signs something else than what it sends. */
  | { readonly kind: "bad-signature" }
  /** Does not sign. */
  | { readonly kind: "no-signature" }
  /** Says another nonce than it was sent. */
  | { readonly kind: "wrong-nonce" };

/** Sends a response as a fault has it. */
export async function sendFaulty(
  response: ServerResponse,
  fault: ChildFault | undefined,
  status: number,
  type: string,
  content: string,
): Promise<void> {
  const bytes = Buffer.from(content);
  const send = (half: Buffer | undefined): void => {
    response.writeHead(status, { "content-type": type, "content-length": bytes.length });
    if (half === undefined) response.end(bytes);
    else response.write(half);
  };
  const half = bytes.subarray(0, bytes.length >> 1);
  switch (fault?.kind) {
    case "silent":
      return;
    case "reset":
      response.socket?.resetAndDestroy();
      return;
    case "slow-headers":
      await pause(fault.delay);
      send(undefined);
      return;
    case "slow-body":
      send(half);
      await pause(fault.delay);
      response.end(bytes.subarray(half.length));
      return;
    case "cut":
      send(half);
      setImmediate(() => response.socket?.destroy());
      return;
    case "redirect":
      response.writeHead(fault.status, { location: fault.location }).end();
      return;
    case "bytes":
      response
        .writeHead(fault.status ?? 200, { "content-type": fault.type ?? "application/json" })
        .end(fault.content);
      return;
    case "oversized":
      response.writeHead(200, { "content-type": "application/json" });
      response.end(`{"padding": "${"x".repeat(fault.size)}"}`);
      return;
    default:
      send(undefined);
  }
}

/** Waits without keeping the process alive. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}
