// `checkoutctl dlq show`: one dead letter in full, with its saga and whether it may be sent again.
import type { Sql } from "postgres";
import { objectionToReplay } from "../../../internal/orchestrator/replay.ts";
import { AppError, assert } from "../../../internal/kernel/errors.ts";
import { handlingsOf } from "../../../internal/operations/dead-letter-store.ts";
import { describeHandling, findDeadLetters, typeOf } from "../../../internal/operations/dead-letters.ts";
import { messageIdOf } from "../../../internal/messaging/read-dead-letter.ts";
import { failedReplays } from "../../../internal/operations/plan-store.ts";
import { type Missing, missingOf, reach } from "../../../internal/operations/reach.ts";
import { databasesFor, examine } from "../../../internal/operations/replay-facts.ts";
import {
  decideReplay,
  describeReplay,
  type Facts,
  type ReplayDecision,
} from "../../../internal/operations/replay-plan.ts";
import { findSagas, type SagaSummary } from "../../../internal/operations/saga-store.ts";
import type { DeadLetter } from "../../../schemas/dead-letter.ts";
import { readDeadLetters } from "../bulk.ts";
import { command, instant, print, table, tellMissing, uuid } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

interface Shown {
  readonly record: DeadLetter;
  /** The original bytes as text, or as base64 if they are not UTF-8. */
  readonly value: string | null;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly handling: string;
  readonly saga: SagaSummary | null;
  readonly replay: string;
  /** How often its message was replayed without success. */
  readonly replays: number;
  /** The databases that did not answer: without them nobody knows whether it may be sent again. */
  readonly missing: readonly Missing[];
}

export const showCommand = command(
  "show",
  "one dead letter in full: message, error, saga, and whether it may be sent again",
)
  .argument("<dead-letter-id>", "the id, as `dlq ls` prints it", uuid)
  .action(async (id, options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const saga = await connections.database("saga");
    const [record] = await findDeadLetters(readDeadLetters(connections), [id]);
    if (record === undefined) throw new AppError("MESSAGE_INVALID", `there is no dead letter ${id}`);
    const messageId = messageIdOf(record);
    const [{ facts, replay, missing }, replays] = await Promise.all([
      factsOf(connections, saga, record),
      failedReplays(saga, messageId === null ? [] : [messageId]),
    ]);
    tellMissing(missing);
    const shown = shownOf(record, { facts, replay, missing, replays: replays.get(messageId ?? "") ?? 0 });
    print(options, shown, () => asText(shown));
  });

interface Found {
  readonly facts: Pick<Facts, "handling" | "saga">;
  /** Undefined if it cannot be decided, because a database does not answer. */
  readonly replay: ReplayDecision | undefined;
  readonly missing: readonly Missing[];
}

/** Whether it may be sent again is known only if the databases of its producer and of its consumer answer. */
async function factsOf(connections: Connections, saga: Sql, record: DeadLetter): Promise<Found> {
  const opening = connections.opening();
  const names = databasesFor(record);
  const opened = await Promise.all(
    names.map((name) => reach(opening, name, (sql) => Promise.resolve([name, sql] as const))),
  );
  const missing = missingOf(opened);
  if (missing.length > 0) {
    const [handlings, sagas] = await Promise.all([
      handlingsOf(saga, [record.dead_letter_id]),
      findSagas(saga, record.saga_id === null ? [] : [record.saga_id]),
    ]);
    const facts = {
      handling: handlings.get(record.dead_letter_id),
      saga: sagas.get(record.saga_id ?? ""),
    };
    return { facts, replay: undefined, missing };
  }
  const databases = Object.fromEntries(opened.flatMap((one) => ("answer" in one ? [one.answer] : [])));
  const [examined] = await examine({ ...databases, saga }, [record], Date.now());
  assert(examined !== undefined, "each record is examined");
  const { original, facts } = examined;
  return { facts, replay: decideReplay(original, facts, objectionToReplay), missing };
}

function shownOf(
  record: DeadLetter,
  { facts, replay, missing, replays }: Found & Pick<Shown, "replays">,
): Shown {
  const { value_base64, key_base64, headers } = record.original;
  return {
    replays,
    record,
    value: value_base64 === null ? null : textOf(value_base64),
    key: key_base64 === null ? null : textOf(key_base64),
    headers: Object.fromEntries(headers.map(({ name, value_base64: value }) => [name, textOf(value)])),
    handling: describeHandling(facts.handling),
    saga: facts.saga ?? null,
    replay:
      replay === undefined
        ? `not known: ${missing.map(({ database }) => database).join(" and ")} did not answer`
        : describeReplay(replay, replays).text,
    missing,
  };
}

/** Bytes as text, or as base64 if they are not UTF-8. */
function textOf(base64: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(base64, "base64"));
  } catch {
    return `base64:${base64}`;
  }
}

function asText({ record, value, key, headers, handling, saga, replay, replays }: Shown): string {
  const { topic, partition, offset } = record.original;
  const facts: (readonly [string, string | null])[] = [
    ["dead letter", record.dead_letter_id],
    ["message", typeOf(record)],
    ["dead-lettered by", `${record.service} after ${record.retry_count} attempts`],
    ["error", `${record.error_code}: ${record.error_message}`],
    ["first failure", record.first_failure_at],
    ["last failure", record.last_failure_at],
    ["position", `${topic}[${partition}]@${offset}`],
    ["key", key],
    ...Object.entries(headers).map(([name, text]) => [`header ${name}`, text] as const),
    ["handling", handling],
    ["replay", replay],
    ["replayed in vain", replays === 0 ? null : `${replays} times`],
    ["saga", record.saga_id],
    ["saga's state", saga === null ? null : stateOf(saga)],
  ];
  return [
    table(
      ["", ""],
      facts.filter(([, text]) => text !== null),
    ).trimStart(),
    pretty(value),
  ].join("\n\n");
}

function stateOf(saga: SagaSummary): string {
  const { status, current_step, compensation_step, failure_code, needs_operator, deadline_at } = saga;
  const step = compensation_step === null ? current_step : `undoing ${compensation_step}`;
  const failure = failure_code === null ? "" : `, ${failure_code}`;
  const acts = deadline_at === null ? "" : `, next deadline ${instant(deadline_at)}`;
  return `${status}, ${step}${failure}${acts}${needs_operator ? ", NEEDS AN OPERATOR" : ""}`;
}

/** Indents JSON and leaves everything else unchanged. */
function pretty(value: string | null): string {
  if (value === null) return "the message has no value";
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}
