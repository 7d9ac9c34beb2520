// The intake on a real Postgres: groups, repeated requests, and the errors that callers get.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { SagaStarted, StartSaga } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";
import type { AppendedEvent, Database } from "../messaging/database.ts";
import { publishing } from "../messaging/publisher.ts";
import { openPostgres } from "../platform/postgres.ts";
import { checkout, POLICY, START, TestOrchestrator } from "../testkit/orchestrator.ts";
import { noLog, noMeter } from "../testkit/noop-telemetry.ts";
import { TcpProxy } from "../faults/tcp-proxy.ts";
import { Admission, admissionMetrics } from "./admission.ts";
import { ClientKeyReused, type Intake } from "./intake.ts";
import { measureBacklog } from "./intake-store.ts";

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
beforeEach(async () => {
  orchestrator.now = START;
  await orchestrator.database.sql`truncate saga_state, saga_history, outbox`;
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

const startAll = (intake: Intake, requests: readonly StartSaga[]) =>
  Promise.allSettled(requests.map((request) => intake.start(request)));
const idsOf = (answers: readonly PromiseSettledResult<SagaStarted>[]) =>
  answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value.saga_id] : []));
const reasonsOf = (answers: readonly PromiseSettledResult<SagaStarted>[]): readonly unknown[] =>
  answers.flatMap((answer): unknown[] => (answer.status === "rejected" ? [answer.reason] : []));

/** Counts the transactions, and loses the replies to the first `lost` commits. */
function watched(database: Database, { lost = 0 } = {}): Database & { readonly transactions: number } {
  let transactions = 0;
  return {
    sql: database.sql,
    listen: database.listen.bind(database),
    faultOf: database.faultOf.bind(database),
    get transactions() {
      return transactions;
    },
    async transaction(work) {
      transactions += 1;
      const isLost = transactions <= lost;
      const result = await database.transaction(work);
      if (isLost)
        throw new AppError("DATABASE_UNAVAILABLE", "the connection broke before the reply to COMMIT");
      return result;
    },
  };
}

describe("a group", () => {
  test("takes a few transactions for any number of checkouts, and each gets its own saga", async () => {
    const database = watched(orchestrator.database.postgres);
    let started = 0;
    await using intake = orchestrator.intake({ database, onStarted: (count) => (started += count) });
    const answers = await startAll(
      intake,
      Array.from({ length: 1_200 }, () => checkout()),
    );
    expect(new Set(idsOf(answers)).size).toBe(1_200);
    expect(answers.every((answer) => answer.status === "fulfilled" && !answer.value.replayed)).toBe(true);
    expect([started, await orchestrator.count(), (await orchestrator.messages()).length]).toEqual([
      1_200, 1_200, 1_200,
    ]);
    expect(database.transactions).toBeLessThanOrEqual(4);
  });

  test("writes the saga, its first command with the caller's trace, and its first line of history", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const request = checkout({ expected_total_cents: 1_000, traceparent, language: "de" });
    await using intake = orchestrator.intake();
    const { saga_id } = await intake.start(request);
    const { user_id, email, items, currency, shipping_address, payment_method } = request;
    expect(await orchestrator.saga(saga_id)).toEqual({
      saga_id,
      user_id,
      email,
      items,
      currency,
      shipping_address,
      payment_method,
      traceparent,
      expected_total_cents: 1_000,
      shopper_present: false,
      language: "de",
      provider: null,
      table_version: 1,
      position: { kind: "forward", at: "reserve" },
      priced_items: null,
      total_cents: null,
      lines_short: null,
      payment_succeeded: false,
      card: null,
      action_expires_at: null,
      action_latest_at: null,
      needs_operator: false,
      deadline_at: START + POLICY.forwardDeadlineMs,
      created_at: START,
      updated_at: START,
      completed_at: null,
    });
    expect(await orchestrator.messages(saga_id)).toMatchObject([
      { type: "ReserveInventory", saga_id, idempotency_key: `${saga_id}:reserve`, items, traceparent },
    ]);
    expect([...(await orchestrator.history(saga_id))]).toEqual([
      {
        from_status: "STARTED",
        to_status: "STARTED",
        step: "reserve",
        message_type: "StartSaga",
        note: null,
      },
    ]);
  });

  test("is written with its command or not at all", async () => {
    const { sql } = orchestrator.database;
    // A failure of the transaction that writes the command must also remove the saga.
    await sql`alter table outbox add constraint no_command check (headers->>'type' <> 'ReserveInventory') not valid`;
    {
      await using intake = orchestrator.intake();
      expect(reasonsOf(await startAll(intake, [checkout(), checkout()]))).toMatchObject([
        { code: "DATABASE_REFUSED" },
        { code: "DATABASE_REFUSED" },
      ]);
    }
    await sql`alter table outbox drop constraint no_command`;
    expect([await orchestrator.count(), (await orchestrator.messages()).length]).toEqual([0, 0]);
  });

  test("takes one round trip, and the publisher is offered the commands of new sagas only", async () => {
    const url = new URL(orchestrator.database.url);
    await using proxy = await TcpProxy.start({ host: url.hostname, port: Number(url.port) }, 5);
    url.port = String(proxy.port);
    // A long lock wait is examined on another connection, which the proxy would count.
    const timeouts = { lockMs: 60_000 };
    await using postgres = openPostgres({ url: url.href, poolSize: 2, applicationName: "test", timeouts });
    const offered: AppendedEvent[] = [];
    const database = publishing(postgres, { offer: (events) => void offered.push(...events) });
    await using intake = orchestrator.intake({ database });
    const known = checkout();
    // Connects, and prepares the statement.
    await intake.start(known);
    proxy.latencyMs = 50;
    const before = proxy.roundTrips;
    // A group of one is sent in one piece. Between the pieces of a larger one, an answer may be counted on a busy machine.
    await intake.start(checkout());
    expect(proxy.roundTrips - before).toBe(1);
    proxy.latencyMs = 5;
    await startAll(intake, [known, checkout()]);
    expect(offered).toHaveLength(3);
    expect(offered).toHaveLength((await orchestrator.messages()).length);
  });

  test("succeeds except for the one checkout that the database rejects", async () => {
    // Half a surrogate pair: the schema of the API rejects it, and the database cannot store it.
    const broken = checkout({ email: "\ud800@example.com" });
    const requests = Array.from({ length: 20 }, () => checkout());
    await using intake = orchestrator.intake();
    const answers = await startAll(intake, [...requests.slice(0, 7), broken, ...requests.slice(7)]);
    expect(idsOf(answers).length).toBe(20);
    expect(reasonsOf(answers)).toMatchObject([{ code: "DATABASE_REFUSED" }]);
    expect([await orchestrator.count(), (await orchestrator.messages()).length]).toEqual([20, 20]);
  });
});

describe("a backlog longer than the deadline", () => {
  test("does not grow: checkouts are admitted up to the limit, then rejected for a retry, and an admitted one stays admitted", async () => {
    // given
    const admission = new Admission({
      limits: { openSagas: 3, unpublished: 1_000, chargeWaitMs: 1_000 },
      measure: (atMost) => measureBacklog(orchestrator.database.sql, atMost),
      log: noLog,
      metrics: admissionMetrics(noMeter),
      monotonic: () => performance.now(),
    });
    await using intake = orchestrator.intake({ admission });
    const taken = [checkout(), checkout(), checkout()];
    const [first] = idsOf(await startAll(intake, taken));
    // when
    const answers = await startAll(intake, [checkout(), ...taken.slice(0, 1), checkout()]);
    // then
    expect(reasonsOf(answers)).toMatchObject([
      { code: "SERVICE_UNAVAILABLE", message: "3 checkouts are in progress, the limit is 3" },
      { code: "SERVICE_UNAVAILABLE" },
    ]);
    expect(idsOf(answers)).toEqual([first ?? ""]);
    expect(await orchestrator.count()).toBe(3);
    // when: for the count of open sagas a deleted saga is like a finished one
    await orchestrator.database.sql`delete from saga_state where saga_id <> ${first ?? ""}`;
    await admission.runOnce();
    // then
    expect(idsOf(await startAll(intake, [checkout()]))).toHaveLength(1);
  });

  test("at one payment provider rejects its checkouts alone, also in a group with others", async () => {
    const full = { rejection: (by?: string) => (by === "paypal" ? "PayPal is full" : null), taken() {} };
    await using intake = orchestrator.intake({ admission: full });
    const answers = await startAll(intake, [checkout(), checkout({ provider: "paypal" }), checkout()]);
    expect(idsOf(answers)).toHaveLength(2);
    expect(reasonsOf(answers)).toMatchObject([{ code: "SERVICE_UNAVAILABLE", message: "PayPal is full" }]);
    expect(await orchestrator.count()).toBe(2);
  });

  test("is counted only up to the limit", async () => {
    await using intake = orchestrator.intake();
    await startAll(intake, [checkout(), checkout(), checkout()]);
    const { sql } = orchestrator.database;
    expect(await measureBacklog(sql, { openSagas: 10, unpublished: 10 })).toEqual({
      openSagas: 3,
      unpublished: 3,
    });
    expect(await measureBacklog(sql, { openSagas: 2, unpublished: 1 })).toEqual({
      openSagas: 2,
      unpublished: 1,
    });
    await sql`update outbox set published = true, published_at = now()`;
    expect(await measureBacklog(sql, { openSagas: 10, unpublished: 10 })).toEqual({
      openSagas: 3,
      unpublished: 0,
    });
  });
});

describe("a client key", () => {
  test("used again with the same body gives the same saga, and starts nothing", async () => {
    const request = checkout();
    await using intake = orchestrator.intake();
    const first = await intake.start(request);
    // The method is sealed anew each time, so it differs in a valid repetition.
    const second = await intake.start({ ...request, payment_method: "sealed again" });
    expect([first.replayed, second]).toEqual([false, { saga_id: first.saga_id, replayed: true }]);
    expect([await orchestrator.count(), (await orchestrator.messages()).length]).toEqual([1, 1]);
  });

  test("used again with another body is rejected", async () => {
    const request = checkout();
    await using intake = orchestrator.intake();
    await intake.start(request);
    await expect(intake.start({ ...request, body_hash: "1".repeat(64) })).rejects.toBeInstanceOf(
      ClientKeyReused,
    );
  });

  test("belongs to its user", async () => {
    const client_key = "mine";
    await using intake = orchestrator.intake();
    const answers = await startAll(intake, [checkout({ client_key }), checkout({ client_key })]);
    expect(new Set(idsOf(answers)).size).toBe(2);
  });

  test("sent many times at once to two replicas starts one saga", async () => {
    await using intake = orchestrator.intake();
    await using replica = orchestrator.intake({ lingerMs: 0 });
    for (let round = 0; round < 10; round += 1) {
      const same = checkout();
      const others = Array.from({ length: 5 }, () => checkout());
      const answers = await Promise.all(
        [intake, replica].flatMap((each) => [
          ...Array.from({ length: 10 }, () => each.start(same)),
          ...others.map((other) => each.start(other)),
        ]),
      );
      expect(new Set(answers.map(({ saga_id }) => saga_id)).size).toBe(6);
      expect(answers.filter(({ replayed }) => !replayed).length).toBe(6);
    }
    expect([await orchestrator.count(), (await orchestrator.messages()).length]).toEqual([60, 60]);
  });

  test("sent at once with two bodies starts the saga of one of them", async () => {
    await using intake = orchestrator.intake();
    const request = checkout();
    const bodies = Array.from({ length: 10 }, (_, i) => ({ ...request, body_hash: `${i % 2}`.repeat(64) }));
    const answers = await startAll(intake, bodies);
    expect([idsOf(answers).length, new Set(idsOf(answers)).size]).toEqual([5, 1]);
    expect(reasonsOf(answers).every((reason) => reason instanceof ClientKeyReused)).toBe(true);
  });

  test("that cannot be looked up fails alone: the new checkouts of its group are answered", async () => {
    const known = checkout();
    await using healthy = orchestrator.intake();
    await healthy.start(known);
    const away = () => Promise.reject(new AppError("DATABASE_UNAVAILABLE", "the lookup got no answer"));
    const { postgres } = orchestrator.database;
    await using intake = orchestrator.intake({
      database: { ...watched(postgres), sql: new Proxy(postgres.sql, { apply: away }) },
    });
    const answers = await startAll(intake, [known, checkout()]);
    expect(answers).toMatchObject([
      { status: "rejected", reason: { code: "DATABASE_UNAVAILABLE" } },
      { status: "fulfilled", value: { replayed: false } },
    ]);
    expect(await orchestrator.count()).toBe(2);
  });

  test("that gets no answer in time is looked up once for its group, not for each part of it", async () => {
    let lookups = 0;
    const silent = () => {
      lookups += 1;
      return Promise.reject(new AppError("DATABASE_UNAVAILABLE", "the database did not answer in time"));
    };
    const { postgres } = orchestrator.database;
    await using intake = orchestrator.intake({
      database: { ...watched(postgres), sql: new Proxy(postgres.sql, { apply: silent }) },
      admission: { rejection: () => "full", taken() {} },
    });
    const answers = await startAll(intake, [checkout(), checkout(), checkout()]);
    expect(reasonsOf(answers)).toHaveLength(3);
    expect(lookups).toBe(1);
  });

  test("retried after a commit whose reply was lost gives the saga of that commit", async () => {
    const database = watched(orchestrator.database.postgres, { lost: 1 });
    await using intake = orchestrator.intake({ database });
    const requests = [checkout(), checkout()];
    expect(reasonsOf(await startAll(intake, requests))).toMatchObject([
      { code: "DATABASE_UNAVAILABLE", canRetry: true },
      { code: "DATABASE_UNAVAILABLE", canRetry: true },
    ]);
    const again = await Promise.all(requests.map((request) => intake.start(request)));
    expect(again.map(({ replayed }) => replayed)).toEqual([true, true]);
    expect([await orchestrator.count(), (await orchestrator.messages()).length]).toEqual([2, 2]);
  });
});

describe("errors", () => {
  test("a hung database fails all waiting checkouts with an error to retry; later checkouts succeed", async () => {
    const { hostname, port, pathname } = new URL(orchestrator.database.url);
    await using proxy = await TcpProxy.start({ host: hostname, port: Number(port) }, 0);
    await using slow = openPostgres({
      url: `postgres://checkout@127.0.0.1:${proxy.port}${pathname}`,
      poolSize: 4,
      applicationName: "behind-a-proxy",
      // A slow reply of a busy machine must not count as hung.
      timeouts: { roundTripMs: 2_000, connectMs: 2_000 },
    });
    await using intake = orchestrator.intake({ database: slow });
    await intake.start(checkout());
    proxy.stall();
    const requests = Array.from({ length: 700 }, () => checkout());
    const answers = await startAll(intake, requests);
    expect(reasonsOf(answers).length).toBe(700);
    expect(reasonsOf(answers)).toMatchObject(requests.map(() => ({ canRetry: true })));
    proxy.cut();
    proxy.resume();
    expect(idsOf(await startAll(intake, requests)).length).toBe(700);
    expect([await orchestrator.count(), (await orchestrator.messages()).length]).toEqual([701, 701]);
  });

  test("a checkout that has waited too long for its turn is rejected and starts no saga", async () => {
    await using intake = orchestrator.intake({ lingerMs: 10 });
    const late = intake.start(checkout());
    orchestrator.now += 5_000;
    const inTime = intake.start(checkout());
    await expect(late).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    expect((await inTime).replayed).toBe(false);
    expect(await orchestrator.count()).toBe(1);
  });

  test("more than 20,000 waiting checkouts are rejected", async () => {
    const intake = orchestrator.intake({ lingerMs: 60_000 });
    const same = checkout();
    const waiting = startAll(
      intake,
      Array.from({ length: 20_000 }, () => same),
    );
    await expect(intake.start(same)).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    await intake[Symbol.asyncDispose]();
    expect(idsOf(await waiting).length).toBe(20_000);
    expect(await orchestrator.count()).toBe(1);
  });

  test("a shutdown writes the waiting checkouts, then rejects new ones", async () => {
    const intake = orchestrator.intake({ lingerMs: 60_000 });
    const waiting = startAll(
      intake,
      Array.from({ length: 1_100 }, () => checkout()),
    );
    await Promise.all([intake[Symbol.asyncDispose](), intake[Symbol.asyncDispose]()]);
    expect([idsOf(await waiting).length, await orchestrator.count()]).toEqual([1_100, 1_100]);
    await expect(intake.start(checkout())).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  });
});
