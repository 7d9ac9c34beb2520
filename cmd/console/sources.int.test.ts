// The connections of the console: searches that take long leave the collector and the leases of runs alone, and their number is what the
// runbook says.
import { expect, test } from "bun:test";
import { Metrics } from "../../internal/platform/metrics.ts";
import { Resources } from "../../internal/platform/resources.ts";
import { partitionOf } from "../../internal/messaging/partition-of.ts";
import { OPERATOR, consoleOptions } from "../../internal/testkit/console.ts";
import { ConsoleBrowser } from "../../internal/testkit/console-browser.ts";
import { cancelOrder } from "../../internal/testkit/commands.ts";
import { cloneDatabase } from "../../internal/testkit/database.ts";
import { deadLetterOf } from "../../internal/testkit/dead-letters.ts";
import { deadLetterTopic, sendBytes } from "../../internal/testkit/kafka.ts";
import { kafkaBrokers } from "../../internal/testkit/servers.ts";
import { PARTITIONS_PER_TOPIC, TOPICS } from "../../schemas/topics.ts";
import { openDatabases, openTopics } from "./sources.ts";

test("while every connection of the pages is busy, the background has its own, and both are at most 8", async () => {
  await using database = await cloneDatabase("saga");
  const resources = new Resources();
  const { url, sql } = database;
  const urls = { saga: url, inventory: url, payment: url, order: url, notification: url };
  const { pages, background } = openDatabases(urls, {
    resources,
    ops: { addCheck: () => undefined },
    metrics: new Metrics(),
  });
  // More than there can be connections.
  const searches = Array.from({ length: 12 }, () => pages.saga`select pg_sleep(8)`.then(String, String));
  const first = await Promise.race([background.saga`select 1`.then(() => "lease"), ...searches]);
  expect(first).toBe("lease");
  await Promise.all(Array.from({ length: 12 }, () => background.saga`select pg_sleep(0.01)`));
  const [row] = await sql<[{ count: number }]>`
    select count(*)::integer as count from pg_stat_activity
     where datname = current_database() and application_name = 'checkout-console'`;
  expect(row.count).toBe(8);
  await resources.close();
  await Promise.all(searches);
  // The server goes on with what nobody waits for.
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'checkout-console'`;
});

/** Somebody at a console with this Kafka. */
async function personWith(topics: ReturnType<typeof openTopics>): Promise<ConsoleBrowser> {
  const expiresAt = Date.now() + 3_600_000;
  const identify = async (token: string) => ({ ...OPERATOR, token, expiresAt });
  const options = consoleOptions({ topics: topics.access, identify, clock: { now: () => Date.now() } });
  const browser = new ConsoleBrowser(options);
  expect((await browser.post("/sign-in", { token: "x" })).status).toBe(303);
  return browser;
}

test("the page of a topic has its partitions, and the messages of a saga", async () => {
  await using database = await cloneDatabase("saga");
  await deadLetterTopic();
  const saga = Bun.randomUUIDv7();
  const partition = partitionOf(saga, PARTITIONS_PER_TOPIC);
  const record = deadLetterOf(cancelOrder(saga), { service: "order" });
  const value = Buffer.from(JSON.stringify(record));
  await sendBytes(TOPICS.deadLetters, [{ value, key: saga, partition }]);
  const resources = new Resources();
  const browser = await personWith(
    openTopics({ KAFKA_BROKERS: kafkaBrokers() }, database.sql, { resources }),
  );
  const answer = await browser.get(`/topics/${TOPICS.deadLetters}?saga=${saga}`);
  const html = await answer.text();
  expect(answer.status).toBe(200);
  expect(html).toContain(`${PARTITIONS_PER_TOPIC} partitions, `);
  expect(html).toContain(record.dead_letter_id);
  expect(html).toContain("1 message, oldest first.");
  await resources.close();
});

test("without Kafka the page of a topic says since when nothing is known", async () => {
  await using database = await cloneDatabase("saga");
  const resources = new Resources();
  const browser = await personWith(openTopics({ KAFKA_BROKERS: "127.0.0.1:9" }, database.sql, { resources }));
  const answer = await browser.get(`/topics/${TOPICS.commands}`);
  const html = await answer.text();
  expect([answer.status, html.includes("unknown since")]).toEqual([503, true]);
  expect(html).toContain("The messages cannot be read now: cannot reach Kafka at 127.0.0.1:9");
  await resources.close();
});
