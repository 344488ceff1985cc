// Signs visitors on by each format, both sites in this process and all state in memory. Prints, as JSON, how many a
// second of CPU time were, in each round.
import {
  InMemoryConsumerRepository,
  InMemoryNonceRepository,
  InMemorySignOnTokenRepository,
  InMemoryUserRepository,
} from "concordat/repositories";
import { createKey, KeyRing } from "concordat/signing";
import { newConsumer, signOnClient, signOnServer } from "concordat/sso";

const rounds = Number(process.argv[2]);
const microsecondsPerRound = 1e6;

/** A function that signs one visitor on: three requests of the browser, and two of the client to the server. */
async function exchangeOf(format) {
  const users = new InMemoryUserRepository();
  const { id } = await users.create({ userName: "ada", name: { givenName: "Ada" } });
  const consumer = newConsumer({
    name: "shop",
    format,
    redirectUris: ["https://shop.example/client/authenticate/"],
  });
  const server = signOnServer({
    url: "https://sso.example/server/",
    consumers: new InMemoryConsumerRepository([consumer]),
    tokens: new InMemorySignOnTokenRepository(),
    nonces: new InMemoryNonceRepository(),
    users,
    visitor: async () => ({ subject: id, session: "1" }),
    signInUrl: () => "/sign-in",
  });
  const signedIn = new Headers({ "set-cookie": "session=1" });
  const client = signOnClient({
    url: "https://shop.example/client/",
    server: "https://sso.example/server/",
    format,
    keys: new KeyRing([createKey({ id: consumer.key, secret: consumer.secrets[0].value })]),
    nonces: new InMemoryNonceRepository(),
    signIn: async () => signedIn,
    fetch: (request) => server.handler(request),
  });
  return async () => {
    const begun = await client.handler(new Request("https://shop.example/client/?next=/a"));
    const [cookie] = begun.headers.getSetCookie()[0].split(";");
    const authorized = await server.handler(new Request(begun.headers.get("location")));
    const back = new Request(authorized.headers.get("location"), { headers: { cookie } });
    const { status } = await client.handler(back);
    if (status !== 302) throw new Error(`The sign-on ended with ${status}.`);
  };
}

const rates = { "http-signature": [], "simple-sso": [], "simple-sso-draft": [] };
for (let round = 0; round < rounds; round++) {
  for (const [format, ofFormat] of Object.entries(rates)) {
    const exchange = await exchangeOf(format);
    for (let warmUp = 0; warmUp < 200; warmUp++) await exchange();
    const before = process.cpuUsage();
    let done = 0;
    let spent = 0;
    while (spent < microsecondsPerRound) {
      for (let at = 0; at < 100; at++) await exchange();
      done += 100;
      const { user, system } = process.cpuUsage(before);
      spent = user + system;
    }
    ofFormat.push((done / spent) * 1e6);
  }
}
process.stdout.write(JSON.stringify(rates));
