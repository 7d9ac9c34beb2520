// What operators do by hand, as they do it: with checkoutctl against real servers.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { orchestratorApi } from "../../internal/checkout/api.ts";
import { StatusWatch } from "../../internal/checkout/status-watch.ts";
import type { CancelAnswer } from "../../internal/operations/orchestrator.ts";
import { type HttpServer, serveHttp } from "../../internal/platform/serve-http.ts";
import { Checkoutctl, type Environment } from "../../internal/testkit/checkoutctl.ts";
import { eventOf } from "../../internal/testkit/events.ts";
import { TestOrchestrator } from "../../internal/testkit/orchestrator.ts";

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
    const { postgres } = orchestrator.database;
    const api = orchestratorApi({
      intake: orchestrator.intake(),
      watch: new StatusWatch(postgres.sql),
      cancel: (sagaId, request) => orchestrator.cancel(sagaId, request),
      faultOf: postgres.faultOf.bind(postgres),
      onError: () => undefined,
    });
    server = serveHttp(api, { hostname: "127.0.0.1", port: 0 });
    env = { ORCHESTRATOR_URL: `http://127.0.0.1:${server.port}` };
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await orchestrator[Symbol.asyncDispose]();
  });

  test("turns a saga round with actor and reason, and says so when it had turned round before", async () => {
    const saga_id = await orchestrator.start();
    const cancel = ["saga", "cancel", saga_id, "--reason", "stolen card", "--actor", "ada"];
    const first = await tool.json<CancelAnswer>(cancel, env);
    expect(first).toMatchObject({ saga_id, cancelled_now: true, status: "COMPENSATING" });
    const { stdout, code } = await tool.run(cancel, env);
    expect(code).toBe(0);
    expect(stdout).toContain("had turned round before");
    expect(stdout).toContain("COMPENSATING, undoing reserve, OPERATOR_CANCELLED: stolen card");
    expect(
      await orchestrator.database
        .sql`select actor, reason, outcome from operator_actions order by at, action_id`,
    ).toMatchObject([
      { actor: "ada", reason: "stolen card", outcome: "cancelling" },
      { actor: "ada", reason: "stolen card", outcome: "already" },
    ]);
  });

  test("refuses what is too late or not there, and names an orchestrator that does not answer", async () => {
    const completed = await orchestrator.start();
    for (const type of [
      "InventoryReserved",
      "PaymentSucceeded",
      "ReservationConfirmed",
      "OrderCreated",
    ] as const)
      await orchestrator.handle(eventOf(type, completed));
    const cancel = (sagaId: string, at = env) => tool.run(["saga", "cancel", sagaId, "--reason", "late"], at);
    const late = await cancel(completed);
    expect([late.code, late.stdout]).toEqual([3, ""]);
    expect(late.stderr).toContain("cannot be cancelled any more: the saga is COMPLETED with order");
    const missing = await cancel(Bun.randomUUIDv7());
    expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining("there is no saga")]);
    const away = await cancel(completed, { ORCHESTRATOR_URL: "http://127.0.0.1:9" });
    expect([away.code, away.stderr]).toEqual([4, expect.stringContaining("correct ORCHESTRATOR_URL")]);
  });
});
