// `saga cancel` and the `dlq` commands of checkoutctl, against real servers.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { orchestratorApi } from "../../internal/orchestrator/api.ts";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../../internal/kernel/ports.ts";
import { deadLetterKey } from "../../internal/messaging/dead-letter.ts";
import type { DeadLetters } from "../../internal/operations/dead-letters.ts";
import type { CancelAnswer } from "../../internal/operations/orchestrator.ts";
import type { RunView } from "../../internal/operations/plans.ts";
import type { RunReport } from "../../internal/operations/run-report.ts";
import { deadLetterTopic } from "../../internal/testkit/kafka.ts";
import { openProducer } from "../../internal/platform/kafka/producer.ts";
import { type HttpServer, serveHttp } from "../../internal/platform/serve-http.ts";
import { OutboxPump } from "../../internal/testkit/outbox-pump.ts";
import { waitUntil } from "../../internal/stack/wait.ts";
import { Checkoutctl, type Environment } from "../../internal/testkit/checkoutctl.ts";
import { cloneDatabase, type TestDatabase } from "../../internal/testkit/database.ts";
import { deadBytes } from "../../internal/testkit/dead-letters.ts";
import { eventOf } from "../../internal/testkit/events.ts";
import { TestInventory } from "../../internal/testkit/inventory.ts";
import { AS_ADA, tokenOfPerson } from "../../internal/testkit/callers.ts";
import { generateCallerKeys } from "../../internal/platform/caller-keys.ts";
import { TestOrchestrator } from "../../internal/testkit/orchestrator.ts";
import { kafkaBrokers } from "../../internal/testkit/servers.ts";

let tool: Checkoutctl;
beforeAll(async () => {
  tool = await Checkoutctl.open();
});
afterAll(() => tool[Symbol.asyncDispose]());

describe("saga cancel", () => {
  let orchestrator: TestOrchestrator;
  let server: HttpServer;
  let env: Environment;
  beforeAll(async () => {
    orchestrator = await TestOrchestrator.open();
    const api = orchestratorApi({
      intake: orchestrator.intake(),
      ...orchestrator.apiParts(),
      onError: () => undefined,
    });
    server = serveHttp(api, { hostname: "127.0.0.1", port: 0 });
    env = { ORCHESTRATOR_URL: `http://127.0.0.1:${server.port}` };
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await orchestrator[Symbol.asyncDispose]();
  });

  test("starts a saga's compensation with actor and reason, and says if it was compensating already", async () => {
    const saga_id = await orchestrator.start();
    const cancel = ["saga", "cancel", saga_id, "--reason", "stolen card"];
    const first = await tool.json<CancelAnswer>(cancel, env);
    expect(first).toMatchObject({ saga_id, cancelled_now: true, status: "COMPENSATING" });
    const { stdout, code } = await tool.run(cancel, env);
    expect(code).toBe(0);
    expect(stdout).toContain("was compensating already");
    expect(stdout).toContain("COMPENSATING, undoing reserve, OPERATOR_CANCELLED: stolen card");
    expect(
      await orchestrator.database
        .sql`select actor, reason, outcome from operator_actions order by at, action_id`,
    ).toMatchObject([
      { actor: "ada", reason: "stolen card", outcome: "cancelling" },
      { actor: "ada", reason: "stolen card", outcome: "already" },
    ]);
  });

  test("without a token, with one of a viewer or a stranger: refused with the way out, and the saga goes on", async () => {
    const saga_id = await orchestrator.start();
    const cancel = (settings: Environment) =>
      tool.run(["saga", "cancel", saga_id, "--reason", "x"], { ...env, ...settings });
    const none = await cancel({ OPERATOR_TOKEN: "" });
    expect([none.code, none.stderr]).toEqual([78, expect.stringContaining("token --operator NAME")]);
    const viewer = await cancel({ OPERATOR_TOKEN: await tokenOfPerson("victor", "viewer") });
    expect([viewer.code, viewer.stderr]).toEqual([3, expect.stringContaining("victor has the role viewer")]);
    const stranger = await generateCallerKeys("operators", "operators");
    const minted = await tool.json<{ token: string; name: string }>(["token", "--operator", "ada"], {
      OPERATORS_PRIVATE_JWK: stranger.privateJwk,
    });
    expect(minted.name).toBe("ada");
    const forged = await cancel({ OPERATOR_TOKEN: minted.token });
    expect([forged.code, forged.stderr]).toEqual([
      78,
      expect.stringContaining("a key that is not trusted here"),
    ]);
    expect((await orchestrator.saga(saga_id)).position).toMatchObject({ kind: "forward" });
  });

  test("the name is the token's, whatever the body says", async () => {
    const saga_id = await orchestrator.start();
    const response = await fetch(`${env["ORCHESTRATOR_URL"]}/sagas/${saga_id}/cancel`, {
      method: "POST",
      headers: { "content-type": "application/json", ...AS_ADA },
      body: JSON.stringify({ actor: "bob", reason: "x" }),
    });
    expect(response.status).toBe(202);
    const { sql } = orchestrator.database;
    expect(await sql`select actor from operator_actions where saga_id = ${saga_id}`).toMatchObject([
      { actor: "ada" },
    ]);
  });

  test("refuses a completed or unknown saga, and names an orchestrator that does not answer", async () => {
    const completed = await orchestrator.start();
    await orchestrator.complete(completed);
    const cancel = (sagaId: string, at = env) => tool.run(["saga", "cancel", sagaId, "--reason", "late"], at);
    const late = await cancel(completed);
    expect([late.code, late.stdout]).toEqual([3, ""]);
    expect(late.stderr).toMatch(
      /can no longer be cancelled: the saga is COMPLETED with order (\S+), .*`checkoutctl order cancel \1` cancels it$/m,
    );
    const missing = await cancel(Bun.randomUUIDv7());
    expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining("there is no saga")]);
    const away = await cancel(completed, { ORCHESTRATOR_URL: "http://127.0.0.1:9" });
    expect([away.code, away.stderr]).toEqual([4, expect.stringContaining("correct ORCHESTRATOR_URL")]);
  });
});

describe("dlq", () => {
  /** The topic also holds dead letters of other tests, so every command here filters by this error. */
  const mine = `boom ${crypto.randomUUID()}`;
  let orchestrator: TestOrchestrator;
  let inventory: TestInventory;
  let others: readonly TestDatabase[];
  let pump: OutboxPump;
  let env: Environment;
  beforeAll(async () => {
    orchestrator = await TestOrchestrator.open();
    inventory = await TestInventory.open({ tea: 1_000 });
    const [payment, order] = [await cloneDatabase("payment"), await cloneDatabase("order")];
    others = [payment, order];
    pump = new OutboxPump(orchestrator, inventory);
    env = {
      SAGA_DATABASE_URL: orchestrator.database.url,
      INVENTORY_DATABASE_URL: inventory.database.url,
      PAYMENT_DATABASE_URL: payment.url,
      ORDER_DATABASE_URL: order.url,
      KAFKA_BROKERS: kafkaBrokers(),
    };
    await deadLetterTopic();
  });
  afterAll(async () => {
    await pump[Symbol.asyncDispose]();
    await orchestrator[Symbol.asyncDispose]();
    await inventory[Symbol.asyncDispose]();
    for (const database of others) await database[Symbol.asyncDispose]();
  });

  /** Writes records to the dead-letter topic, as the relay does. */
  async function publish(records: readonly DeadLetter[]): Promise<void> {
    await using producer = await openProducer({ brokers: kafkaBrokers(), clientId: "test" });
    const lines = records.map((record) =>
      [TOPICS.deadLetters, deadLetterKey(record), "DeadLetter", JSON.stringify(record)].join(FIELD_SEPARATOR),
    );
    expect(await producer.produce(lines.join(RECORD_SEPARATOR))).toEqual([]);
  }

  /** `count` commands that inventory dead-lettered with this error. */
  async function given(count: number, error: string): Promise<readonly DeadLetter[]> {
    const letters = await pump.deadReserves(count);
    const records = letters.map((letter) => ({ ...letter, error_message: error }));
    await publish(records);
    return records;
  }

  const listed = (error: string, ...more: readonly string[]) =>
    tool.json<DeadLetters>(["dlq", "ls", "--error", error, ...more], env);

  test("ls groups by cause, show prints one in full, replay sends it, and then it is no longer open", async () => {
    const [letter] = await given(1, mine);
    const id = letter?.dead_letter_id ?? "";
    expect(await listed(mine)).toMatchObject({
      total: 1,
      causes: [{ count: 1, service: "inventory", type: "ReserveInventory", error_code: "HANDLER_FAILED" }],
      entries: [{ dead_letter_id: id, handling: "open" }],
    });
    const shown = await tool.run(["dlq", "show", id], env);
    expect(shown.code).toBe(0);
    for (const text of [
      mine,
      '"type": "ReserveInventory"',
      "header type",
      "may be sent again",
      "STARTED, reserve",
    ])
      expect(shown.stdout).toContain(text);

    // Payment has nothing to do with it, and inventory decides.
    const nowhere = "postgres://127.0.0.1:9/away";
    const unasked = await tool.run(["dlq", "show", id], { ...env, PAYMENT_DATABASE_URL: nowhere });
    expect([unasked.code, unasked.stderr]).toEqual([0, ""]);
    expect(unasked.stdout).toContain("may be sent again");
    const away = await tool.run(["dlq", "show", id], { ...env, INVENTORY_DATABASE_URL: nowhere });
    expect([away.code, away.stderr]).toEqual([0, expect.stringContaining("not looked at: inventory: ")]);
    expect(away.stdout).toContain("not known: inventory did not answer");

    const replay = ["dlq", "replay", "--error", mine, "--reason", "deployed the fix"];
    const dry = await tool.run([...replay, "--dry-run"], env);
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining("would send 1 of 1")]);
    expect(pump.carried).toEqual([]);

    const report = await tool.json<RunReport>(replay, env);
    expect(report).toMatchObject({ sent: 1, failed: 0, stopped: null, items: [{ outcome: "handled" }] });
    expect(await listed(mine)).toMatchObject({ total: 0 });
    expect(await listed(mine, "--all")).toMatchObject({
      total: 1,
      entries: [{ handling: "replayed by ada: handled" }],
    });
    const story = await tool.run(["saga", "show", letter?.saga_id ?? ""], env);
    expect(story.stdout).toContain("dead-letter.replay by ada, handled: deployed the fix");
  });

  test("Ctrl-C finishes the message in flight and says how to continue; the same command does the rest", async () => {
    const error = `${mine} slowly`;
    await given(3, error);
    const replay = ["dlq", "replay", "--error", error, "--reason", "deployed the fix", "--rate", "1/m"];
    const child = tool.spawn(replay, env);
    await waitUntil("the first message is sent", () => pump.carried.length === 1, { timeoutMs: 30_000 });
    child.kill("SIGINT");
    const [stdout, code] = [await child.stdout.text(), await child.exited];
    expect(code).toBe(130);
    expect(stdout).toContain("interrupted, 2 left: run the same command again to continue");
    expect(pump.carried).toHaveLength(1);

    const rest = await tool.json<RunReport>([...replay.slice(0, -1), "100/s"], env);
    expect(rest).toMatchObject({ sent: 2, left: 0, stopped: null });
    expect(new Set(pump.carried).size).toBe(3);
  });

  test("Ctrl-C ends a discard for good: nobody goes on with its run", async () => {
    const error = `${mine} discarded slowly`;
    const count = 3;
    await publish(
      Array.from({ length: count }, (_, n) => deadBytes(Buffer.from([n]), { service: "inventory", error })),
    );
    const { sql } = orchestrator.database;
    // Too fast to be met otherwise.
    await sql`
      create function one_a_minute() returns trigger language plpgsql
      as $$ begin new.rate_per_second = 1 / 60.0; return new; end $$`;
    await sql`create trigger slow before insert on operator_plans for each row execute function one_a_minute()`;
    const discarded = () =>
      sql`select from operator_actions where action = 'dead-letter.discard' and reason = 'garbage for Ctrl-C'`;
    const child = tool.spawn(
      ["dlq", "discard", "--error", error, "--reason", "garbage for Ctrl-C", "--json"],
      env,
    );
    await waitUntil("the first is discarded", async () => (await discarded()).count === 1, {
      timeoutMs: 30_000,
    });
    child.kill("SIGINT");
    const [stdout, code] = [await child.stdout.text(), await child.exited];
    await sql`drop function one_a_minute cascade`;
    expect(code).toBe(130);
    const { run_id }: RunReport = JSON.parse(stdout);
    expect(await tool.json<RunView>(["run", "show", run_id], env)).toMatchObject({
      state: "stopped",
      counts: { discarded: 1, not_reached: 2 },
    });
    expect(await listed(error)).toMatchObject({ total: 2 });
  });

  test("a message that fails again stops the run with exit 3", async () => {
    const error = `${mine} again`;
    await given(2, error);
    pump.fate = () => "retry";
    const { code, stdout } = await tool.run(
      ["dlq", "replay", "--error", error, "--reason", "deployed the fix"],
      env,
    );
    pump.fate = () => "handle";
    expect([code, stdout]).toEqual([3, expect.stringContaining("STOPPED: too many failed again, 1 left")]);
  });

  test("replay refuses a command of a finished saga with a reason; discard takes it", async () => {
    const error = `${mine} too late`;
    const [letter] = await given(1, error);
    await orchestrator.handle(eventOf("InsufficientStock", letter?.saga_id ?? ""));
    const id = letter?.dead_letter_id ?? "";
    const refused = await tool.run(["dlq", "replay", id, "--reason", "deployed the fix"], env);
    expect([refused.code, refused.stdout]).toEqual([
      3,
      expect.stringContaining("its saga is finished: COMPENSATED"),
    ]);
    expect((await listed(error)).total).toBe(1);
    const discarded = await tool.run(["dlq", "discard", id, "--reason", "came too late"], env);
    expect([discarded.code, discarded.stdout]).toEqual([0, expect.stringContaining("discarded 1 of 1")]);
    expect((await listed(error)).total).toBe(0);
  });

  test("show prints undecodable bytes as base64", async () => {
    const error = `${mine} garbage`;
    const record = deadBytes(Buffer.from([0xff, 0x00]), { service: "inventory", code: "UNDECODABLE", error });
    await publish([record]);
    const { stdout } = await tool.run(["dlq", "show", record.dead_letter_id], env);
    expect(stdout).toContain("base64:/wA=");
    expect(stdout).toContain("it can only be discarded");
  });

  test("a filter without a match is refused, so that a misspelt one does not look like finished work", async () => {
    const error = `${mine} misspelt`;
    await given(1, error);
    for (const command of ["replay", "discard"]) {
      const typo = await tool.run(
        ["dlq", command, "--code", "HANDLER_FALED", "--reason", "deployed the fix"],
        env,
      );
      expect([typo.code, typo.stdout]).toEqual([3, ""]);
      expect(typo.stderr).toContain("no dead letter matches");
      expect(typo.stderr).toContain("HANDLER_FAILED");
    }
    const ls = await tool.run(["dlq", "ls", "--code", "HANDLER_FALED"], env);
    expect([ls.code, ls.stdout]).toEqual([0, "no open dead letters\n"]);
    expect(ls.stderr).toContain("HANDLER_FAILED");
    const done = ["dlq", "replay", "--error", error, "--reason", "deployed the fix"];
    expect([(await tool.run(done, env)).code, (await tool.run(done, env)).code]).toEqual([0, 0]);
  });

  test("replay and discard need a selection", async () => {
    for (const command of ["replay", "discard"]) {
      const all = await tool.run(["dlq", command, "--reason", "x"], env);
      expect([all.code, all.stderr]).toEqual([2, expect.stringContaining("with --everything")]);
      const unknown = await tool.run(
        ["dlq", command, Bun.randomUUIDv7(), "--reason", "deployed the fix"],
        env,
      );
      expect([unknown.code, unknown.stderr]).toEqual([3, expect.stringContaining("no such dead letter")]);
    }
  });

  test("plan freezes, start needs the count, a killed executor is continued by resume, and nothing is sent twice", async () => {
    const error = `${mine} planned`;
    await given(24, error);
    const plan = await tool.json<RunView & { readonly start: string }>(
      ["dlq", "plan", "--error", error],
      env,
    );
    expect(plan).toMatchObject({ state: "draft", totals: { acts: 24, units: 24 }, needs_typed_count: true });
    expect(plan.start).toContain("--confirm 24");
    const id = plan.plan_id;
    const start = ["run", "start", id, "--reason", "deployed the fix"];
    const unconfirmed = await tool.run([...start, "--confirm", "23"], env);
    expect([unconfirmed.code, unconfirmed.stderr]).toEqual([
      3,
      expect.stringContaining("confirm it with the count 24"),
    ]);
    expect(pump.carried).toEqual([]);

    const child = tool.spawn([...start, "--confirm", "24"], env);
    await waitUntil("the third batch is sent", () => pump.carried.length >= 8, { timeoutMs: 30_000 });
    child.kill("SIGKILL");
    await child.exited;
    const shown = await tool.json<RunView>(["run", "show", id, "--items"], env);
    expect(shown).toMatchObject({ state: "running" });
    expect(shown.counts.sent).toBeGreaterThanOrEqual(3);

    // Its lease ends.
    await orchestrator.database
      .sql`update operator_plans set lease_until = clock_timestamp() where executor is not null`;
    const resumed = await tool.json<RunView>(["run", "resume", id], env);
    expect(resumed).toMatchObject({ state: "done", counts: { sent: 24, failed: 0 } });
    expect(pump.carried.toSorted()).toEqual([...new Set(pump.carried)].toSorted());
    expect(pump.carried).toHaveLength(24);
    expect((await tool.run(["run", "list"], env)).stdout).toMatch(
      new RegExp(`${id} +dead-letter.replay +done`),
    );
    const late = await tool.run(["run", "pause", id], env);
    expect([late.code, late.stderr]).toEqual([3, expect.stringContaining("cannot pause a run that is done")]);
  });

  test("a run pauses itself half-way as its start asked, which is no failure, and resume does the rest", async () => {
    const error = `${mine} half-way`;
    await given(6, error);
    const { plan_id: id } = await tool.json<RunView>(["dlq", "plan", "--error", error], env);
    const start = ["run", "start", id, "--reason", "deployed the fix", "--pause-after", "3"];
    const half = await tool.run(start, env);
    expect([half.code, half.stdout]).toEqual([
      0,
      expect.stringContaining("paused after 3 messages, as it was asked to"),
    ]);
    expect(half.stdout).toContain(`Continue it: checkoutctl run resume ${id}`);
    expect(pump.carried).toHaveLength(3);
    const more = await tool.json<RunView>(["run", "resume", id, "--pause-after", "1"], env);
    expect(more).toMatchObject({ state: "paused", pause_after: 1, counts: { sent: 4 } });
    const done = await tool.json<RunView>(["run", "resume", id], env);
    expect(done).toMatchObject({ state: "done", pause_after: null, counts: { sent: 6 } });
    expect((await tool.run(["run", "resume", id, "--pause-after", "0"], env)).code).toBe(2);
  });

  test("a run is paused, sped up and watched from another console", async () => {
    const error = `${mine} watched`;
    await given(3, error);
    const plan = await tool.json<RunView>(["dlq", "plan", "--error", error, "--rate", "1/m"], env);
    const id = plan.plan_id;
    const child = tool.spawn(["run", "start", id, "--reason", "deployed the fix", "--json"], env);
    await waitUntil("the canary is sent", () => pump.carried.length === 1, { timeoutMs: 30_000 });
    const faster = await tool.json<RunView>(["run", "rate", id, "100/s", "--reason", "the shop waits"], env);
    expect(faster).toMatchObject({ rate_per_second: 100 });
    const watched = await tool.json<RunView>(["run", "watch", id], env);
    expect(watched).toMatchObject({ state: "done", counts: { sent: 3 } });
    expect([await child.exited, JSON.parse(await child.stdout.text())]).toMatchObject([0, { state: "done" }]);
  });
});
