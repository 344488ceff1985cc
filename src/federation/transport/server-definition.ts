import { createPublicKey } from "node:crypto";
import * as z from "zod";
import type { FederationServer } from "../../repositories/index.js";
import { readDefinitions } from "../read-definition.js";
import { hostProblem, isNetwork } from "./address.js";

const milliseconds = z.int().positive();
const pem = z.string().includes("-----BEGIN ", { error: "it is PEM." });

/** privacyIDEA's own definitions say `true` or `false`: whether the certificate is verified. */
const tls = z.preprocess(
  (value) => (value === true ? {} : value),
  z
    .strictObject(
      {
        ca: pem.exactOptional(),
        certificate: pem.exactOptional(),
        key: pem.exactOptional(),
        pins: z
          .array(
            z
              .string()
              .regex(/^[A-Za-z0-9+/]{43}=$/, { error: "it is a SHA-256 digest in Base64." }),
          )
          .min(1)
          .exactOptional(),
      },
      {
        error: ({ input }) =>
          input === false
            ? "verification cannot be turned off: give the certificate of the authority as `tls.ca` instead."
            : undefined,
      },
    )
    .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
      error: "`certificate` and `key` belong together.",
    }),
);

const server = z
  .strictObject({
    identifier: z.string().min(1).max(255),
    url: z.string().transform((text, context) => {
      const problem = urlProblem(text);
      if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
      return text.replace(/\/$/, "");
    }),
    description: z.string().exactOptional(),
    tls: tls.exactOptional(),
    allowCleartext: z.boolean().exactOptional(),
    addresses: z
      .array(z.string().refine(isNetwork, { error: "it is a network in CIDR notation." }))
      .min(1)
      .exactOptional(),
    limits: z
      .strictObject({
        connect: milliseconds.exactOptional(),
        content: milliseconds.exactOptional(),
        firstByte: milliseconds.exactOptional(),
        total: milliseconds.exactOptional(),
        answerSize: z.int().positive().exactOptional(),
        connections: z.int().positive().exactOptional(),
      })
      .exactOptional(),
    decoding: z.enum(["once", "twice"]).exactOptional(),
    responseKey: pem.refine(isRsaKey, { error: "it is an RSA public key." }).exactOptional(),
    reportsOrigin: z.boolean().exactOptional(),
    healthCheck: z
      .strictObject({
        path: z.string().regex(/^\/[\x21-\x7e]*$/, { error: "it is a path." }),
        interval: milliseconds.exactOptional(),
      })
      .exactOptional(),
  })
  .superRefine(({ url, allowCleartext }, context) => {
    if (url.startsWith("http:") && allowCleartext !== true) {
      context.addIssue({
        code: "custom",
        path: ["url"],
        message: "passwords would travel for all to read: use https, or say `allowCleartext`.",
      });
    }
  });

/** What definitions of servers are read with. */
export interface ReadServersOptions {
  /** The origins that this side is reached at itself: none of the servers may have one of them. */
  readonly ownOrigins?: readonly string[] | undefined;
}

/**
 * Reads definitions of servers from outside, such as a configuration file.
 *
 * @throws {DefinitionError} with every problem.
 */
export function readServers(
  definitions: unknown,
  { ownOrigins = [] }: ReadServersOptions = {},
): readonly FederationServer[] {
  const own = new Set(ownOrigins.map((origin) => new URL(origin).origin));
  const servers = readDefinitions<FederationServer>(z.array(server), definitions);
  const seen = new Set<string>();
  return readDefinitions(
    z.array(z.custom<FederationServer>()).superRefine((all, context) => {
      for (const [at, { identifier, url }] of all.entries()) {
        if (own.has(new URL(url).origin)) {
          const message = "it is where this side is reached itself.";
          context.addIssue({ code: "custom", path: [at, "url"], message });
        }
        if (seen.has(identifier)) {
          context.addIssue({ code: "custom", path: [at, "identifier"], message: "it is taken." });
        }
        seen.add(identifier);
      }
    }),
    servers,
  );
}

/** Why a URL cannot be that of a server. */
function urlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:\/\/[^/]/i.test(text)) return "it is an http or https URL.";
  if (url.username !== "" || url.password !== "") return "it has no user name and no password.";
  if (/[?#\\\s]/.test(text)) return "it has no query, no fragment, no backslash and no spaces.";
  if (/\/(?:\.|%2e){1,2}(?:\/|$)|[^:]\/\//i.test(text)) {
    return "its path has no empty and no dot segments.";
  }
  return hostProblem(text, url);
}

function isRsaKey(key: string): boolean {
  try {
    return createPublicKey(key).asymmetricKeyType === "rsa";
  } catch {
    return false;
  }
}
