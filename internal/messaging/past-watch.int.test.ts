// The databases of the services from the past, on a real Postgres: each is found to be behind, and is not any more when it has what it lacked.
// internal/orchestrator/past-watch.int.test.ts has the saga database.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { confirmReservation, reserveInventory } from "../testkit/commands.ts";
import { restoreBackup, takeBackup } from "../testkit/backup.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { HOLD_MS, TestInventory } from "../testkit/inventory.ts";
import { PastWatch, type PastWatchOptions } from "./past-watch.ts";
import { insertEventsOnce, type OutboxRow } from "./outbox.ts";

let logged: string[];
/** What Kafka has of this database. */
let sent: OutboxRow[];
beforeEach(() => {
  logged = [];
  sent = [];
});

function watchOf({ sql }: TestDatabase, database: PastWatchOptions["database"]): PastWatch {
  const note = (_: object, sentence: string) => void logged.push(sentence);
  return new PastWatch({
    sql,
    database,
    withheld: "nothing acts",
    newestSent: () => Promise.resolve(sent.map(({ event_id }) => event_id)),
    now: () => Date.now(),
    log: { info: note, error: note },
  });
}

/** The relay: publishes the outbox. */
async function publish({ sql }: TestDatabase): Promise<void> {
  sent.push(
    ...(await sql<OutboxRow[]>`
      update outbox set published = true, published_at = now() where not published
      returning event_id, topic, partition_key, headers ->> 'type' as type, payload`),
  );
}

describe.each(["inventory", "payment", "order"] as const)("%s", (name) => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await cloneDatabase(name);
  });
  afterEach(() => database[Symbol.asyncDispose]());

  const say = (count: number) =>
    insertEventsOnce(
      database.sql,
      Array.from({ length: count }, () => {
        const event_id = Bun.randomUUIDv7();
        const message = confirmReservation(Bun.randomUUIDv7());
        return { event_id, topic: "test", partition_key: "", type: message.type, payload: message };
      }),
    );

  test("is behind after a restore, says so once with the way out, and is not when the rows are back", async () => {
    const watch = watchOf(database, name);
    await expect(watch.ready()).rejects.toThrow(`the ${name} database is being compared with Kafka`);
    await say(3);
    await publish(database);
    await watch.runOnce();
    await watch.ready();
    await takeBackup(database.sql);
    await say(2);
    await publish(database);
    // when
    await restoreBackup(database.sql);
    await watch.runOnce();
    await watch.runOnce();
    // then
    expect([watch.compared, logged.length]).toEqual([null, 1]);
    expect(logged[0]).toMatch(
      /^the \S+ database is older than .*`checkoutctl repair`; until then nothing acts$/,
    );
    await expect(watch.ready()).rejects.toThrow("`checkoutctl repair`");
    // when
    await insertEventsOnce(database.sql, sent);
    await watch.runOnce();
    // then
    await watch.ready();
    expect(logged.at(-1)).toBe(`the ${name} database is up to date with Kafka again`);
  });
});

test("inventory: a hold that was confirmed after the backup does not expire before the database is repaired", async () => {
  await using inventory = await TestInventory.open({ apple: 10 });
  const { database } = inventory;
  const watch = watchOf(database, "inventory");
  const sweep = () => inventory.sweep(undefined, () => watch.compared);
  const saga_id = Bun.randomUUIDv7();
  await inventory.handle(reserveInventory(saga_id, [["apple", 1]]));
  await publish(database);
  // Nothing is swept before the first comparison.
  inventory.now += HOLD_MS;
  expect(await sweep()).toMatchObject({ processed: 0 });
  await watch.runOnce();
  await takeBackup(database.sql);
  inventory.now -= HOLD_MS;
  await inventory.handle(confirmReservation(saga_id));
  await publish(database);
  // when
  await restoreBackup(database.sql);
  inventory.now += HOLD_MS;
  // then also not before it is noticed
  expect(await sweep()).toMatchObject({ processed: 0 });
  await watch.runOnce();
  expect(await sweep()).toMatchObject({ processed: 0 });
  expect(await inventory.statuses(saga_id)).toEqual(["HELD"]);
  // when
  await insertEventsOnce(database.sql, sent);
  await watch.runOnce();
  // then
  expect(await sweep()).toMatchObject({ processed: 1 });
});
