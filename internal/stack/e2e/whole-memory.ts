// Searches everything that a running system stores for a forbidden text: tables, topics, Redis, logs, mails. The provider ledger is
// left out, because it belongs to the provider. Called by outcomes.suite.test.ts.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "redis";
import { TOPICS } from "../../../schemas/topics.ts";
import { readTopic } from "../../platform/kafka/read-topic.ts";
import { openPostgres } from "../../platform/postgres.ts";
import { redisAddress } from "../../platform/redis-tls.ts";
import { tablesHolding } from "../../testkit/row-texts.ts";
import type { RunningSystem } from "./running-system.ts";

/** The simulator plays the provider, and its log may contain the requests. */
const PROVIDER_LOG = "paysim.log";

/** The places that contain one of `texts` (case-insensitive), for example `database payment: public.payments`. */
export async function placesOf(system: RunningSystem, texts: readonly string[]): Promise<readonly string[]> {
  const needles = texts.map((text) => text.toLowerCase());
  const isIn = (text: string) => needles.some((needle) => text.toLowerCase().includes(needle));
  const found = await Promise.all([
    inDatabases(system, texts),
    inTopics(system, isIn),
    inRedis(system, isIn),
    inMails(system, isIn),
  ]);
  return [...found.flat(), ...inLogs(system, isIn)];
}

async function inDatabases({ context }: RunningSystem, texts: readonly string[]): Promise<readonly string[]> {
  const places = Object.entries(context.addresses.postgres).map(async ([name, url]) => {
    await using database = openPostgres({ url, poolSize: 2, applicationName: "search" });
    return (await tablesHolding(database.sql, texts)).map((table) => `database ${name}: ${table}`);
  });
  return (await Promise.all(places)).flat();
}

async function inTopics(system: RunningSystem, isIn: (text: string) => boolean) {
  const places: string[] = [];
  for (const topic of Object.values(TOPICS)) {
    const options = { ...system.kafka(), clientId: "search", topic };
    for await (const batch of readTopic(options)) {
      const texts = batch.values.map((value, index) => {
        const { key, headers } = batch.raw(index);
        return [JSON.stringify(value), ...headers.flat(), key].map(textOf).join("\n");
      });
      const bytes = batch.undecodable.map(({ value }) => textOf(value));
      if ([...texts, ...bytes].some(isIn)) places.push(`topic ${topic}`);
    }
  }
  return places;
}

/** Redis holds strings and sorted sets here. Any other type makes the search fail, because GET cannot read it. */
async function inRedis({ context }: RunningSystem, isIn: (text: string) => boolean) {
  const { url, tls } = redisAddress(context.addresses.redis);
  const client = await createClient({ url, socket: tls }).connect();
  const textIn = async (key: string) =>
    (await client.type(key)) === "zset"
      ? (await client.zRange(key, 0, -1)).join("\n")
      : ((await client.get(key)) ?? "");
  try {
    const places: string[] = [];
    for await (const keys of client.scanIterator({ COUNT: 1_000 }))
      for (const key of keys) if (isIn(`${key}\n${await textIn(key)}`)) places.push(`redis ${key}`);
    return places;
  } finally {
    client.destroy();
  }
}

function inLogs({ stack }: RunningSystem, isIn: (text: string) => boolean): readonly string[] {
  const directory = join(stack.dataDirectory, "logs");
  const names = readdirSync(directory).filter((name) => name !== PROVIDER_LOG);
  if (!names.includes("payment.log")) throw new Error(`${directory} does not have the roles' logs`);
  return names
    .filter((name) => isIn(readFileSync(join(directory, name), "utf8")))
    .map((name) => `log ${name}`);
}

async function inMails(system: RunningSystem, isIn: (text: string) => boolean): Promise<readonly string[]> {
  const mails = await system.mails();
  return mails.filter((mail) => isIn(JSON.stringify(mail))).map(({ message_id }) => `mail ${message_id}`);
}

function textOf(value: Uint8Array | string | null): string {
  if (value === null) return "";
  return typeof value === "string" ? value : new TextDecoder().decode(value);
}
