import { type Slapd, type SlapdOptions, startSlapd } from "./slapd.js";
import { TcpRelay } from "./tcp-relay.js";

/** A server that replicates another one, through a relay. */
export interface Provider {
  readonly slapd: Slapd;
  /** What it learns of the other passes here. */
  readonly replication: TcpRelay;
}

/**
 * Two servers of one directory, each of which takes writes and replicates the other (multi-provider, or mirror mode).
 */
export interface Providers extends AsyncDisposable {
  readonly first: Provider;
  readonly second: Provider;
}

const suffix = "dc=example,dc=com";

/** Starts two servers with the numbers 1 and 2. At first they hold the same. */
export async function startProviders(options: SlapdOptions = {}): Promise<Providers> {
  const started = new AsyncDisposableStack();
  try {
    const [ofFirst, ofSecond] = [await TcpRelay.start(), await TcpRelay.start()];
    started.use(ofFirst);
    started.use(ofSecond);
    const replicating = (serverId: number, { url }: TcpRelay): SlapdOptions => ({
      ...options,
      serverId,
      databaseLines: [
        `syncrepl rid=00${serverId} provider=${url} searchbase="${suffix}" type=refreshAndPersist retry="1 +"` +
          ` bindmethod=simple binddn="cn=admin,${suffix}" credentials=secret`,
        "multiprovider on",
      ],
    });
    const first = started.use(await startSlapd(replicating(1, ofFirst)));
    const backup = await first.backUp();
    const second = started.use(await startSlapd({ ...replicating(2, ofSecond), backup }));
    ofFirst.target = second.url;
    ofSecond.target = first.url;
    const moved = started.move();
    return {
      first: { slapd: first, replication: ofFirst },
      second: { slapd: second, replication: ofSecond },
      [Symbol.asyncDispose]: () => moved.disposeAsync(),
    };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}
