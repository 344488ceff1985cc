import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { InvalidValueError, TooManyError, UnavailableError } from "concordat";
import { nodeListener } from "concordat/node";
import { InMemoryNonceRepository } from "concordat/repositories";
import {
  KeyRing,
  type RequestVerifier,
  requestSigner,
  requestVerifier,
  SignatureError,
} from "concordat/signing";
import { describe, expect, onTestFinished, test } from "vitest";
import { keyNamed } from "./keys.js";

const origin = "https://sso.example.com";
const keys = new KeyRing([keyNamed("shop")]);
const { signRequest, verifyResponse, signNodeRequest, verifyNodeResponse } = requestSigner({
  keys,
});
const verifier = (): RequestVerifier =>
  requestVerifier({ keys, origin, nonces: new InMemoryNonceRepository() });

function report(): Request {
  return new Request(`${origin}/report?day=1`, { method: "POST", body: "all is well" });
}

/** The code of the refusal with which something fails. */
async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error("It was not refused."),
    (error: unknown) => error,
  );
  if (!(error instanceof SignatureError)) throw error;
  return error.refusal.code;
}

describe("Web messages", () => {
  test("a request is verified with its key and its body, and the response is the server's", async () => {
    const sent = await signRequest(report());
    const { key, content, request, signResponse } = await verifier().verifyRequest(sent.clone());
    expect(key.id).toBe("shop");
    expect(Buffer.from(content ?? []).toString()).toBe("all is well");
    expect(await request.text()).toBe("all is well");
    const answer = await signResponse(Response.json({ read: true }, { status: 201 }));
    const response = await verifyResponse(answer.clone(), sent);
    expect([response.status, await response.json()]).toEqual([201, { read: true }]);

    const altered = new Response('{"read":false}', { status: 201, headers: answer.headers });
    expect(await refusalOf(verifyResponse(altered, sent))).toBe("wrong_digest");
    const other = await signRequest(report());
    expect(await refusalOf(verifyResponse(answer.clone(), other))).not.toBe("");
    await expect(verifyResponse(answer, report())).rejects.toThrow(InvalidValueError);
  });

  test("a message without a body has none", async () => {
    const sent = await signRequest(new Request(`${origin}/status`));
    expect(await sent.clone().text()).toBe("");
    const { content, signResponse } = await verifier().verifyRequest(sent.clone());
    expect(content).toBeNull();
    const response = await verifyResponse(
      await signResponse(new Response(null, { status: 204 })),
      sent,
    );
    expect(response.status).toBe(204);
  });

  test("what is altered, comes twice, is for another site or is not signed throws", async () => {
    const { verifyRequest } = verifier();
    const sent = await signRequest(report());
    const { headers } = sent;
    const altered = (url: string, body: string, method = "POST") =>
      verifyRequest(new Request(url, { method, body, headers }));
    expect(await refusalOf(altered(sent.url, "all is lost"))).toBe("wrong_digest");
    expect(await refusalOf(altered(`${origin}/report?day=2`, "all is well"))).toBe(
      "wrong_signature",
    );
    expect(await refusalOf(altered(`${origin}//report?day=1`, "all is well"))).toBe(
      "wrong_signature",
    );
    expect(await refusalOf(altered(sent.url, "all is well", "PUT"))).toBe("wrong_signature");
    expect(await refusalOf(verifyRequest(report()))).toBe("malformed");
    const elsewhere = await signRequest(new Request("https://other.example.com/report?day=1"));
    expect(await refusalOf(verifyRequest(elsewhere))).toBe("wrong_signature");
    await verifyRequest(sent.clone());
    expect(await refusalOf(verifyRequest(sent))).toBe("replayed");
  });

  test("the error says which status is due, and reveals no secret", async () => {
    const { verifyRequest } = verifier();
    const error = await verifyRequest(report()).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "signature", status: 401 });
    const down = requestVerifier({
      keys: {
        find() {
          throw new UnavailableError("The database is down.");
        },
      },
      origin,
      nonces: new InMemoryNonceRepository(),
    });
    const failed = down.verifyRequest(await signRequest(report()));
    await expect(failed).rejects.toMatchObject({ status: 503, refusal: { code: "unavailable" } });
  });

  test("a body that is too long is refused before it is read", async () => {
    const short = requestSigner({ keys, maxBodyBytes: 5 });
    await expect(short.signRequest(report())).rejects.toThrow(TooManyError);
    const { verifyRequest } = requestVerifier({
      keys,
      origin,
      nonces: new InMemoryNonceRepository(),
      maxBodyBytes: 5,
    });
    await expect(verifyRequest(await signRequest(report()))).rejects.toThrow(TooManyError);
    for (const maxBodyBytes of [0, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => requestSigner({ keys, maxBodyBytes })).toThrow(InvalidValueError);
    }
  });
});

describe("messages on the way", () => {
  async function listen(server: ReturnType<typeof createServer>): Promise<number> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close().closeAllConnections());
    return (server.address() as AddressInfo).port;
  }

  test("of node:http are signed and verified at both ends", async () => {
    const server = createServer(async (received, response) => {
      try {
        const { key, content, signResponse } = await verify.verifyNodeRequest(received);
        const text = `${key.id} said ${content}`;
        response.statusCode = 202;
        signResponse(response, text);
        response.end(text);
      } catch (error) {
        response.writeHead(error instanceof SignatureError ? error.status : 500).end();
      }
    });
    const port = await listen(server);
    const verify = requestVerifier({
      keys,
      origin: `http://127.0.0.1:${port}`,
      nonces: new InMemoryNonceRepository(),
    });
    // A path that a URL would write otherwise.
    const options = { port, host: "127.0.0.1", method: "POST", path: "/a/../b?x='y'" };
    const sent = httpRequest(options);
    signNodeRequest(sent, "hello");
    const answered = once(sent, "response");
    sent.end("hello");
    const [response] = (await answered) as [IncomingMessage];
    expect(response.statusCode).toBe(202);
    expect((await verifyNodeResponse(response, sent)).toString()).toBe("shop said hello");

    const forged = httpRequest(options);
    signNodeRequest(forged, "hello");
    const refused = once(forged, "response");
    forged.end("jello");
    const [refusal] = (await refused) as [IncomingMessage];
    expect(refusal.statusCode).toBe(401);
    expect(await refusalOf(verifyNodeResponse(refusal, forged))).toBe("malformed");
  });

  test("of fetch pass a handler behind concordat/node, whatever origin that names", async () => {
    const server = createServer(
      nodeListener(async (received, connection) => {
        const { request, signResponse } = await verify.verifyRequest(received, connection);
        return await signResponse(new Response(`read ${await request.text()}`));
      }),
    );
    const port = await listen(server);
    const here = `http://localhost:${port}`;
    const verify = requestVerifier({ keys, origin: here, nonces: new InMemoryNonceRepository() });
    const sent = await signRequest(new Request(`${here}/x?y`, { method: "PUT", body: "me" }));
    const response = await verifyResponse(await fetch(sent), sent);
    expect(await response.text()).toBe("read me");
  });
});
