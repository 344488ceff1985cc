// The server at the end of the way: an answer of a privacyIDEA server, of 330 bytes.
import { createServer } from "node:http";

const answer = JSON.stringify({
  detail: {
    message: "matching 1 tokens",
    otplen: 6,
    serial: "CHILDHOTP",
    threadid: 140528016033472,
    type: "hotp",
  },
  id: 2,
  jsonrpc: "2.0",
  result: { authentication: "ACCEPT", status: true, value: true },
  time: 1795289449.7186844,
  version: "privacyIDEA 3.11.4",
  versionnumber: "3.11.4",
  nonce: "12345678",
  padding: "x".repeat(22),
});

const server = createServer((request, response) => {
  request.resume().on("end", () => {
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(answer),
      "cache-control": "no-cache",
    });
    response.end(answer);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
process.on("disconnect", () => process.exit());
