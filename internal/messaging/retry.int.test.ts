// What happens to a failed message: retries outside its partition, then the dead letters. On real servers, with the delays of the
// design and a clock that the test moves.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { DeadLetter } from "../../schemas/dead-letter.ts";
import { cancelOrder } from "../testkit/commands.ts";
import { CountingService } from "../testkit/counting-service.ts";

let service: CountingService;
beforeAll(async () => {
  service = await CountingService.create();
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
});
afterEach(async () => {
  service.throwing.clear();
  service.refused.clear();
  await service.database.sql`truncate retry, outbox, counter`;
});

const newSaga = (): string => Bun.randomUUIDv7();

describe("a message whose retry is pending", () => {
  test("waits until its delay is over, then has its effect once and leaves the table", async () => {
    const saga = newSaga();
    service.throwing.add(saga);
    await using one = await service.start();
    await service.send(cancelOrder(saga));
    await one.handle(1);
    service.throwing.clear();
    expect(await one.retries.runOnce()).toMatchObject({ processed: 0 });

    one.clockOffsetMs = 1_100;
    expect(await one.retries.runOnce()).toMatchObject({ processed: 1 });
    expect(await service.counts()).toEqual({ [saga]: 1 });
    expect(await service.pendingRetries()).toEqual([]);
    expect(await service.outbox()).toMatchObject([{ payload: { type: "OrderCancelled" } }]);
  });

  test("is due at once when a clock that ran an hour ahead is corrected", async () => {
    const saga = newSaga();
    service.throwing.add(saga);
    await using one = await service.start();
    await service.send(cancelOrder(saga));
    one.clockOffsetMs = 60 * 60 * 1_000;
    await one.handle(1);
    service.throwing.clear();
    expect(await one.retries.runOnce()).toMatchObject({ processed: 0 });
    one.clockOffsetMs = 0;
    expect(await one.retries.runOnce()).toMatchObject({ processed: 1 });
    expect(await service.counts()).toEqual({ [saga]: 1 });
  });

  test("does not delay others that failed with it, nor later messages", async () => {
    const [sick, healed, later] = [newSaga(), newSaga(), newSaga()];
    service.throwing.add(sick).add(healed);
    await using one = await service.start();
    await service.send(cancelOrder(sick), cancelOrder(healed), cancelOrder(later));
    expect(await one.handle(3)).toMatchObject({ handled: 1, retriesScheduled: 2 });
    service.throwing.delete(healed);
    one.clockOffsetMs = 1_100;
    await one.retries.runOnce();
    expect(await service.counts()).toEqual({ [later]: 1, [healed]: 1 });
    expect(await service.pendingRetries()).toMatchObject([{ attempts: 2 }]);
  });

  test("is retried once and counts once when it is delivered again meanwhile", async () => {
    const saga = newSaga();
    const command = cancelOrder(saga);
    service.throwing.add(saga);
    await using one = await service.start();
    await service.send(command);
    await one.handle(1);
    await service.send(command);
    await one.handle(1);
    expect(await service.pendingRetries()).toHaveLength(1);
    service.throwing.clear();
    await service.send(command);
    await one.handle(1);
    one.clockOffsetMs = 1_100;
    await one.retries.runOnce();
    expect(await service.counts()).toEqual({ [saga]: 1 });
    expect(await service.pendingRetries()).toEqual([]);
  });

  test("is claimed by one replica at a time", async () => {
    const saga = newSaga();
    service.throwing.add(saga);
    await using one = await service.start();
    await service.send(cancelOrder(saga));
    await one.handle(1);
    one.clockOffsetMs = 1_100;
    const claims = await Promise.all([one.retries.runOnce(), one.retries.runOnce(), one.retries.runOnce()]);
    expect(claims.reduce((sum, { processed }) => sum + processed, 0)).toBe(1);
    expect(await service.pendingRetries()).toMatchObject([{ attempts: 2 }]);
  });
});

describe("after the third retry", () => {
  test("a command is dead-lettered, its saga gets an event, and it leaves the table, in one transaction", async () => {
    const saga = newSaga();
    const command = cancelOrder(saga);
    service.refused.add(saga);
    await using one = await service.start();
    await service.send(command);
    await one.handle(1);
    for (const [attempts, delayMs] of [
      [2, 1_000],
      [3, 5_000],
      [4, 25_000],
    ] as const) {
      one.clockOffsetMs += delayMs - 500;
      expect(await one.retries.runOnce()).toMatchObject({ processed: 0 });
      one.clockOffsetMs += 600;
      expect(await one.retries.runOnce()).toMatchObject({ processed: 1 });
      expect(await service.pendingRetries()).toMatchObject(attempts === 4 ? [] : [{ attempts }]);
    }

    const [letter] = await service.deadLetters();
    expect(Value.Check(DeadLetter, letter)).toBe(true);
    expect(letter).toMatchObject({
      saga_id: saga,
      service: service.name,
      original_command: command,
      error_code: "DATABASE_REFUSED",
      retry_count: 3,
      original: { topic: service.topic, partition: 0, key_base64: btoa(saga) },
    });
    expect(
      Date.parse(letter?.last_failure_at ?? "") - Date.parse(letter?.first_failure_at ?? ""),
    ).toBeGreaterThan(30_000);
    expect(Buffer.from(letter?.original.value_base64 ?? "", "base64").toString()).toBe(
      JSON.stringify(command),
    );
    expect(await service.outbox()).toMatchObject([
      {
        topic: "order-events",
        partition_key: saga,
        payload: { type: "CommandDeadLettered", command_id: command.message_id, command_type: "CancelOrder" },
      },
    ]);
    expect(await service.counts()).toEqual({});
  });

  test("a command that is never dead-lettered is retried once a minute", async () => {
    const saga = newSaga();
    service.throwing.add(saga);
    await using one = await service.start({ retryForever: true });
    await service.send(cancelOrder(saga));
    await one.handle(1);
    for (let attempt = 2; attempt <= 8; attempt += 1) {
      one.clockOffsetMs += 61_000;
      expect(await one.retries.runOnce()).toMatchObject({ processed: 1 });
      expect(await service.pendingRetries()).toMatchObject([{ attempts: attempt }]);
    }
    expect(await service.deadLetters()).toEqual([]);
    service.throwing.clear();
    one.clockOffsetMs += 61_000;
    await one.retries.runOnce();
    expect(await service.counts()).toEqual({ [saga]: 1 });
  });
});
