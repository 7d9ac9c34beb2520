// An operator's wish to trace a saga, on a real Postgres: the saga's trace and the line in the audit trail are one transaction.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { noTracer, type Tracer } from "../kernel/telemetry.ts";
import { noLog } from "../testkit/noop-telemetry.ts";
import { TestOrchestrator } from "../testkit/orchestrator.ts";
import { RecordingTracer, traceparentNo, TRACE_ID } from "../testkit/recorded-spans.ts";
import { traceSaga } from "./trace.ts";

const REQUEST = { actor: "ada", address: "203.0.113.7", reason: "it is slow" };
const OTHER_TRACE = "0af7651916cd43dd8448eb211c80319c";

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
beforeEach(async () => {
  await orchestrator.database.sql`truncate saga_state, saga_history, outbox, operator_actions`;
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

function ask(sagaId: string, tracer: Tracer) {
  const options = {
    database: orchestrator.database.postgres,
    clock: { now: () => orchestrator.now },
    newId: () => Bun.randomUUIDv7(),
    tracer,
    log: noLog,
  };
  return traceSaga(options, sagaId, REQUEST);
}

async function trail(): Promise<readonly object[]> {
  return orchestrator.database.sql`
    select action, subject, saga_id, actor, address, reason, outcome, detail from operator_actions order by action_id`;
}

const lineOf = (sagaId: string, outcome: string, traceId: string) => ({
  ...REQUEST,
  action: "saga.trace",
  subject: sagaId,
  saga_id: sagaId,
  outcome,
  detail: `trace ${traceId}`,
});

test("a saga without a trace gets one, once, and the audit trail says who asked", async () => {
  const id = await orchestrator.start();
  const tracer = new RecordingTracer();
  expect(await ask(id, tracer)).toEqual({ kind: "traced", traceId: TRACE_ID, startedNow: true });
  expect(tracer.spans).toMatchObject([
    {
      name: "saga trace",
      parent: null,
      attributes: { "saga.id": id, "saga.status": "STARTED" },
      isEnded: true,
    },
  ]);
  expect((await orchestrator.saga(id)).traceparent).toBe(tracer.spans[0]?.traceparent ?? "none");
  expect(await ask(id, tracer)).toEqual({ kind: "traced", traceId: TRACE_ID, startedNow: false });
  expect(tracer.spans).toHaveLength(1);
  expect(await trail()).toEqual([lineOf(id, "tracing", TRACE_ID), lineOf(id, "already", TRACE_ID)]);
});

test("a recorded trace is kept, one that nobody records is replaced", async () => {
  const tracer = new RecordingTracer();
  const traceparent = traceparentNo(7, OTHER_TRACE);
  const kept = await orchestrator.start({ traceparent });
  expect(await ask(kept, tracer)).toEqual({ kind: "traced", traceId: OTHER_TRACE, startedNow: false });
  expect((await orchestrator.saga(kept)).traceparent).toBe(traceparent);
  const replaced = await orchestrator.start({ traceparent: traceparent.replace(/01$/, "00") });
  expect(await ask(replaced, tracer)).toEqual({ kind: "traced", traceId: TRACE_ID, startedNow: true });
  expect(await trail()).toEqual([
    lineOf(kept, "already", OTHER_TRACE),
    lineOf(replaced, "tracing", TRACE_ID),
  ]);
});

test("an unknown saga, and an orchestrator that records nothing, leave no line", async () => {
  expect(await ask(Bun.randomUUIDv7(), new RecordingTracer())).toEqual({ kind: "unknown" });
  expect(await ask(await orchestrator.start(), noTracer)).toEqual({ kind: "off" });
  expect(await trail()).toEqual([]);
});
