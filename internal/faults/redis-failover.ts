// What the Sentinels of a stack say, and waiting for what they do. Used by the chaos runs and the tests.
import { readFileSync } from "node:fs";
import { createClient } from "redis";
import { until } from "./failover.ts";

/** A Sentinel that hangs is passed over. */
const ASK_TIMEOUT_MS = 1_000;

/** What one Sentinel knows of the master. */
export interface SentinelView {
  readonly port: number;
  readonly epoch: number;
  readonly isDown: boolean;
  readonly otherSentinels: number;
  /** Those that follow the master. */
  readonly replicas: number;
}

type Sentinel = (command: string, ...values: readonly string[]) => Promise<unknown>;

/** `sentinels`: a value of REDIS_SENTINELS; its user may use SENTINEL MASTER and SENTINEL REPLICAS. */
export function viewsOf(sentinels: string): Promise<readonly SentinelView[]> {
  return ofEach(sentinels, viewOf);
}

/**
 * From now on the master must be silent for `ms` before the Sentinels take it for gone, also one that is silent already. The user may use
 * SENTINEL SET.
 */
export async function failOverAfter(sentinels: string, ms: number): Promise<void> {
  // Two must agree on a failover, so none is made that two do not want. One on a busy machine may have to be asked again.
  await until(`two Sentinels wait for ${ms} ms`, async () => {
    const set = await ofEach(sentinels, (ask) => ask("SET", "down-after-milliseconds", String(ms)));
    return set.length >= 2;
  });
}

/** What `ask` finds out at each Sentinel; of those that do not answer nothing. */
async function ofEach<Found>(
  sentinels: string,
  ask: (sentinel: Sentinel) => Promise<Found>,
): Promise<readonly Found[]> {
  const [, scheme, login = "", hosts = "", name = "", query = ""] =
    /^(rediss?:\/\/)([^@/]*@)?([^/]+)\/([^?]+)(\?.*)?$/.exec(sentinels) ?? [];
  const urls = hosts.split(",").map((host) => `${scheme}${login}${host}`);
  const caFile = new URLSearchParams(query).get("ssl_ca_certs");
  const found = urls.map((url) =>
    connected(url, caFile, name, ask).then(
      (one) => [one],
      () => [],
    ),
  );
  return (await Promise.all(found)).flat();
}

async function connected<Found>(
  url: string,
  caFile: string | null,
  name: string,
  ask: (sentinel: Sentinel) => Promise<Found>,
): Promise<Found> {
  const tls = caFile === null ? {} : ({ tls: true, ca: readFileSync(caFile, "utf8") } as const);
  const socket = {
    ...tls,
    reconnectStrategy: false,
    connectTimeout: ASK_TIMEOUT_MS,
    socketTimeout: ASK_TIMEOUT_MS,
  } as const;
  const client = createClient({ url, socket, RESP: 2, disableClientInfo: true });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await ask((command, ...values) => client.sendCommand(["SENTINEL", command, name, ...values]));
  } finally {
    client.destroy();
  }
}

async function viewOf(ask: Sentinel): Promise<SentinelView> {
  const [master, replicas] = await Promise.all([ask("MASTER"), ask("REPLICAS")]);
  const fields = fieldsOf(master);
  const followers = Array.isArray(replicas) ? replicas.map(fieldsOf) : [];
  return {
    port: Number(fields["port"]),
    epoch: Number(fields["config-epoch"]),
    isDown: /down|failover/.test(fields["flags"] ?? ""),
    otherSentinels: Number(fields["num-other-sentinels"]),
    replicas: followers.filter(
      (one) =>
        one["master-link-status"] === "ok" &&
        one["master-port"] === fields["port"] &&
        !/down/.test(one["flags"] ?? ""),
    ).length,
  };
}

function fieldsOf(reply: unknown): Readonly<Record<string, string>> {
  const words = Array.isArray(reply) ? reply.map(String) : [];
  const pairs = words.flatMap((word, index) =>
    index % 2 === 0 ? [[word, words[index + 1] ?? ""] as const] : [],
  );
  return Object.fromEntries(pairs);
}

/** The port of the master, as the newest knowledge says; undefined if no Sentinel answers. */
export async function masterPort(sentinels: string): Promise<number | undefined> {
  const views = await viewsOf(sentinels);
  return views.toSorted((one, other) => other.epoch - one.epoch)[0]?.port;
}

/** Resolves when all Sentinels know each other and the same master, which has a replica that is up to date. Returns the master's port. */
export async function untilWatched(sentinels: string, count = 3): Promise<number> {
  let port = 0;
  await until("all Sentinels watch a master with a replica", async () => {
    const views = await viewsOf(sentinels);
    port = views[0]?.port ?? 0;
    return (
      views.length === count &&
      views.every(
        (one) => one.port === port && !one.isDown && one.otherSentinels === count - 1 && one.replicas > 0,
      )
    );
  });
  return port;
}

/** Resolves when a Sentinel knows another master than the one at `port`. Returns its port. */
export async function untilMoved(sentinels: string, port: number): Promise<number> {
  let now: number | undefined;
  await until("the Sentinels have made another server the master", async () => {
    now = await masterPort(sentinels);
    return now !== undefined && now !== port;
  });
  return now ?? 0;
}
