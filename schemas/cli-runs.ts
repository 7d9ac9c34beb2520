// What the commands of plans and runs print with --json: `dlq plan`, `outbox plan` and `run`. Part of cli.ts.
import { type TProperties, type TSchema, Type } from "@sinclair/typebox";

const text = Type.String();
const count = Type.Integer({ minimum: 0 });
const epochMs = Type.Number({ description: "milliseconds since the Unix epoch" });
const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
const shape = <Properties extends TProperties>(properties: Properties) =>
  Type.Object(properties, { additionalProperties: false });
const oneOf = (words: readonly string[]) => Type.Union(words.map((word) => Type.Literal(word)));

const runFields = {
  plan_id: text,
  kind: oneOf(["dead-letter.replay", "dead-letter.discard", "outbox.republish"]),
  selection: Type.Record(text, Type.Unknown(), { description: "the filter that found the items" }),
  totals: shape({
    acts: count,
    units: Type.Integer({ minimum: 0, description: "messages; the count to type" }),
    skipped: count,
    refused: count,
    money: Type.Array(shape({ currency: text, amount_cents: Type.Number(), sagas: count })),
  }),
  state: oneOf(["draft", "running", "paused", "stopped", "done", "expired"]),
  allows_quarantined: Type.Boolean(),
  created_by: text,
  created_at: epochMs,
  expires_at: epochMs,
  started_by: orNull(text),
  reason: orNull(text),
  started_at: orNull(epochMs),
  ended_at: orNull(epochMs),
  rate_per_second: Type.Number(),
  max_error_rate: Type.Number({ description: "a share from 0 to 1" }),
  wait_ms: Type.Number(),
  batch_size: count,
  pause_after: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
    description: "messages since its start or its last resume, after which it pauses itself",
  }),
  halted_because: orNull(text),
  executor: Type.Union([text, Type.Null()], { description: "the process that executes it" }),
  counts: shape({
    sent: count,
    discarded: count,
    skipped: count,
    refused: count,
    failed: count,
    in_flight: count,
    not_reached: count,
  }),
  units_done: count,
  needs_typed_count: Type.Boolean(),
  estimate_ms: Type.Number(),
};

const items = Type.Array(
  shape({
    position: count,
    subject: Type.String({ description: "a dead letter, or a database" }),
    saga_id: orNull(text),
    message_id: orNull(text),
    message_type: text,
    service: text,
    replays: count,
    amount_cents: orNull(Type.Number()),
    currency: orNull(text),
    units: count,
    planned: oneOf(["send", "discard", "skip", "refuse"]),
    why: orNull(text),
    outcome: orNull(oneOf(["in flight", "sent", "discarded", "skipped", "refused", "failed"])),
    result: orNull(text),
    detail: orNull(text),
    units_done: count,
    settled_at: orNull(epochMs),
  }),
);

const Run = shape(runFields);
const Plan = shape({
  ...runFields,
  items,
  start: Type.String({ description: "the command that starts it" }),
});

export const RUN_OUTPUTS: Readonly<Record<string, TSchema>> = {
  "dlq plan": Plan,
  "outbox plan": Plan,
  "run list": shape({ runs: Type.Array(Run) }),
  "run show": shape({ ...runFields, items: Type.Optional(items) }),
  "run start": Run,
  "run watch": Run,
  "run pause": Run,
  "run resume": Run,
  "run stop": Run,
  "run rate": Run,
};
