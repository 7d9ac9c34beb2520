// `checkoutctl dlq show`: one dead letter in full, with its saga and whether it may be sent again.
import { objectionToReplay } from "../../../internal/orchestrator/replay.ts";
import { AppError } from "../../../internal/kernel/errors.ts";
import { describeHandling, findDeadLetters, typeOf } from "../../../internal/operations/dead-letters.ts";
import { isQuarantined, quarantineText } from "../../../internal/operations/plan.ts";
import { failedReplays } from "../../../internal/operations/plan-store.ts";
import { examine, type Examined } from "../../../internal/operations/replay-facts.ts";
import { decideReplay } from "../../../internal/operations/replay-plan.ts";
import type { SagaSummary } from "../../../internal/operations/saga-store.ts";
import type { DeadLetter } from "../../../schemas/dead-letter.ts";
import { readDeadLetters } from "../bulk.ts";
import { command, instant, print, table, uuid } from "../command.ts";
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
}

export const showCommand = command(
  "show",
  "one dead letter in full: message, error, saga, and whether it may be sent again",
)
  .argument("<dead-letter-id>", "the id, as `dlq ls` prints it", uuid)
  .action(async (id, options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const databases = await connections.databases();
    const records = await findDeadLetters(readDeadLetters(connections), [id]);
    const [one] = await examine(databases, records, Date.now());
    if (one === undefined) throw new AppError("MESSAGE_INVALID", `there is no dead letter ${id}`);
    const messageId = one.original.message_id;
    const replays = await failedReplays(databases.saga, messageId === undefined ? [] : [messageId]);
    const shown = shownOf(one, replays.get(messageId ?? "") ?? 0);
    print(options, shown, () => asText(shown));
  });

function shownOf({ record, original, facts }: Examined, replays: number): Shown {
  const { value_base64, key_base64, headers } = record.original;
  const decision = decideReplay(original, facts, objectionToReplay);
  const may = isQuarantined(replays) ? quarantineText(replays) : "may be sent again";
  return {
    replays,
    record,
    value: value_base64 === null ? null : textOf(value_base64),
    key: key_base64 === null ? null : textOf(key_base64),
    headers: Object.fromEntries(headers.map(({ name, value_base64: value }) => [name, textOf(value)])),
    handling: describeHandling(facts.handling),
    saga: facts.saga ?? null,
    replay: decision.kind === "send" ? may : `${decision.kind}: ${decision.why}`,
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
