import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { adminDn, dnOf, groupEntry, password, person, suffix } from "./people.ts";

const run = promisify(execFile);

/** The group with everybody. */
export const everybody: string = `cn=everybody,ou=groups,${suffix}`;

/** How many members the other groups have; there are a tenth as many as people. */
const usual = 10;

/** A slapd with so many people, with mdb, whose members are sorted and kept apart from the entry. */
export interface MillionDirectory extends AsyncDisposable {
  /** What the programs need to know to watch it. */
  readonly described: string;
  /** How long slapadd took, in seconds. */
  readonly loaded: number;
  /** Applies changes in LDIF. */
  modify(ldif: string): Promise<void>;
}

export async function startMillion(people: number): Promise<MillionDirectory> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-million-"));
  const configuration = join(directory, "slapd.conf");
  const port = await freePort();
  await mkdir(join(directory, "db"));
  await writeFile(configuration, configured(directory));
  const ldif = join(directory, "people.ldif");
  await writePeople(ldif, people);
  const begun = performance.now();
  // -w sets contextCSN, without which the first cookie is empty.
  await run("/usr/sbin/slapadd", ["-f", configuration, "-q", "-w", "-l", ldif]);
  const loaded = (performance.now() - begun) / 1_000;
  await rm(ldif);
  const url = `ldap://127.0.0.1:${port}`;
  const server: ChildProcess = spawn(
    "/usr/sbin/slapd",
    ["-f", configuration, "-h", url, "-d", "0"],
    { stdio: "ignore" },
  );
  const signIn = ["-x", "-H", url, "-D", adminDn, "-w", password];
  for (let attempt = 0; attempt < 600; attempt++) {
    const answers = await run("ldapsearch", [...signIn, "-b", suffix, "-s", "base"]).then(
      () => true,
      () => false,
    );
    if (answers) break;
    await sleep(100);
  }
  return {
    described: JSON.stringify({ url, base: suffix, bind: { dn: adminDn, password } }),
    loaded,
    async modify(text) {
      const file = join(directory, "changes.ldif");
      await writeFile(file, text);
      await run("ldapmodify", [...signIn, "-f", file], { maxBuffer: 1 << 30 });
    },
    async [Symbol.asyncDispose]() {
      const exit = once(server, "exit");
      server.kill();
      await exit;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function writePeople(path: string, people: number): Promise<void> {
  const file = createWriteStream(path, { highWaterMark: 1 << 20 });
  const write = async (text: string): Promise<void> => {
    if (!file.write(text)) await once(file, "drain");
  };
  await write(
    `dn: ${suffix}\nobjectClass: organization\nobjectClass: dcObject\no: Example\ndc: example\n\n`,
  );
  for (const ou of ["people", "groups"]) {
    await write(`dn: ou=${ou},${suffix}\nobjectClass: organizationalUnit\nou: ${ou}\n\n`);
  }
  for (let number = 0; number < people; number++) await write(person(number));
  for (let group = 0; group < people / usual; group++) {
    const members = Array.from({ length: usual }, (_, index) => (group * usual + index) % people);
    await write(groupEntry(`cn=team ${group},ou=groups,${suffix}`, members));
  }
  // In pieces: the text of a million members is longer than one piece of memory had better be.
  await write(`dn: ${everybody}\nobjectClass: groupOfNames\ncn: everybody\n`);
  for (let number = 0; number < people; number++) await write(`member: ${dnOf(number)}\n`);
  await write("\n");
  file.end();
  await once(file, "close");
}

function configured(directory: string): string {
  const lines = [
    "include /etc/ldap/schema/core.schema",
    "include /etc/ldap/schema/cosine.schema",
    "include /etc/ldap/schema/inetorgperson.schema",
    "modulepath /usr/lib/ldap",
    "moduleload back_mdb",
    "moduleload syncprov",
    `pidfile ${directory}/slapd.pid`,
    "sizelimit unlimited",
    "timelimit unlimited",
    "sortvals member",
    "database mdb",
    `suffix "${suffix}"`,
    `rootdn "${adminDn}"`,
    `rootpw ${password}`,
    `directory ${directory}/db`,
    "maxsize 34359738368",
    "envflags nosync",
    "multival member 100,10",
    "index objectClass eq",
    "index uid eq",
    "index entryUUID eq",
    "index entryCSN eq",
    "overlay syncprov",
    "syncprov-sessionlog 100000",
  ];
  return `${lines.join("\n")}\n`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("There is no free port.");
  return address.port;
}
