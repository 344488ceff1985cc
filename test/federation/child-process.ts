/**
 * A child in a process of its own, which can be killed. It answers what is true, and writes down every password that it
 * gets.
 */
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";

const [, , port = "0", journal = ""] = process.argv;

const server = createServer((request, response) => {
  let content = "";
  request.on("data", (chunk) => {
    content += chunk;
  });
  request.on("end", () => {
    const pass = new URLSearchParams(content).get("pass") ?? "";
    appendFileSync(journal, `${pass}\n`);
    // Some answers are under way when the process is killed.
    setTimeout(() => {
      const isRight = pass.startsWith("right");
      response.writeHead(200, { "content-type": "application/json" });
      response.end(
        JSON.stringify({
          detail: { message: pass },
          id: 2,
          jsonrpc: "2.0",
          result: { authentication: isRight ? "ACCEPT" : "REJECT", status: true, value: isRight },
        }),
      );
    }, 2);
  });
});
server.listen(Number(port), "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : 0);
});
process.on("disconnect", () => process.exit());
