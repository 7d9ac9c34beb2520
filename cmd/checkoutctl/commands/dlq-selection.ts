// Selects dead letters by id or by filter. Shared by the commands of `checkoutctl dlq`.
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { Sql } from "postgres";
import {
  type DeadLetterFilter,
  findDeadLetters,
  type FoundDeadLetters,
  isOpen,
  typeOf,
} from "../../../internal/operations/dead-letters.ts";
import { handlingsOf } from "../../../internal/operations/dead-letter-store.ts";
import { AppError } from "../../../internal/kernel/errors.ts";
import { readTopic } from "../../../internal/platform/kafka/read-topic.ts";
import type { DeadLetter } from "../../../schemas/dead-letter.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { moment, operatorCommand, table, uuid, wrongUsage } from "../command.ts";
import type { Connections } from "../connections.ts";

const DEAD_LETTERS_OF = Object.values(TOPICS).filter((topic) => topic !== TOPICS.deadLetters);

/** Filter options. Each command adds them itself: a builder function would lose the option types. */
export const filters = {
  service: new Option("--service <name>", "only those that this service dead-lettered"),
  topic: new Option("--topic <name>", "only messages from this topic").choices(DEAD_LETTERS_OF),
  type: new Option("--type <message>", "only messages of this type, for example ChargePayment"),
  code: new Option("--code <error>", "only those with this error code"),
  error: new Option("--error <text>", "only those whose error contains this text"),
  saga: new Option("--saga <uuid>", "only messages of this saga").argParser(uuid),
  since: new Option(
    "--since <time>",
    "only those that failed since this time, RFC 3339 or a duration ago (2h)",
  ).argParser(moment),
  until: new Option("--until <time>", "only those that failed up to this time").argParser(moment),
} as const;

export interface FilterOptions {
  readonly service?: string | undefined;
  readonly topic?: string | undefined;
  readonly type?: string | undefined;
  readonly code?: string | undefined;
  readonly error?: string | undefined;
  readonly saga?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

export function select(
  connections: Connections,
  { service, topic, type, code, error, saga, since, until }: FilterOptions,
  ids?: readonly string[],
): Promise<FoundDeadLetters> {
  const filter: DeadLetterFilter = {
    ids,
    service,
    topic,
    type,
    error,
    since,
    until,
    error_code: code,
    saga_id: saga,
  };
  return findDeadLetters(readTopic({ ...connections.kafka(), topic: TOPICS.deadLetters }), filter);
}

/** A command that acts on dead letters: options for selection, actor, reason and dry run. */
export function handlingCommand(name: string, summary: string) {
  return operatorCommand(name, summary)
    .argument("[dead-letter-id...]", "only these dead letters", uuids)
    .addOption(filters.service)
    .addOption(filters.topic)
    .addOption(filters.type)
    .addOption(filters.code)
    .addOption(filters.error)
    .addOption(filters.saga)
    .addOption(filters.since)
    .addOption(filters.until)
    .option("--everything", "every open dead letter")
    .option("--dry-run", "only show what would be done");
}

/**
 * The selected dead letters: by id, by filter, or all of them with an explicit `--everything`. Ids select dead letters in any
 * state; filters select only open ones.
 */
export async function selectToHandle(
  connections: Connections,
  saga: Sql,
  options: FilterOptions & { readonly everything?: true | undefined },
  ids: readonly string[],
): Promise<readonly DeadLetter[]> {
  if (ids.length === 0 && !isFiltered(options) && options.everything !== true)
    wrongUsage("select dead letters by id, by a filter, or with --everything");
  const { records } = await select(connections, options, ids.length === 0 ? undefined : ids);
  const missing = ids.filter((id) => !records.some(({ dead_letter_id }) => dead_letter_id === id));
  if (missing.length > 0)
    throw new AppError("MESSAGE_INVALID", `there is no such dead letter: ${missing.join(", ")}`);
  if (ids.length > 0) return records;
  if (records.length === 0 && isFiltered(options))
    throw new AppError("MESSAGE_INVALID", await describeNone(connections));
  const handlings = await handlingsOf(
    saga,
    records.map(({ dead_letter_id }) => dead_letter_id),
  );
  return records.filter(({ dead_letter_id }) => isOpen(handlings.get(dead_letter_id)));
}

export function isFiltered(options: FilterOptions): boolean {
  return Object.keys(filters).some((name) => Reflect.get(options, name) !== undefined);
}

/**
 * Says that nothing matches and lists the existing values: a mistyped filter must not look like finished work. Not called when
 * the filter matches dead letters that are already handled.
 */
export async function describeNone(connections: Connections): Promise<string> {
  const { records } = await select(connections, {});
  if (records.length === 0) return "no dead letter matches: there are none at all";
  const list = (values: readonly string[]) => [...new Set(values)].toSorted().slice(0, MAX_NAMED).join(", ");
  const codes = list(records.map(({ error_code }) => error_code));
  const types = list(records.map(typeOf));
  const services = list(records.map(({ service }) => service));
  return `no dead letter matches; existing values: --code ${codes}; --type ${types}; --service ${services}`;
}

/** Values listed per option. */
const MAX_NAMED = 20;

/** Collects repeated id arguments. */
function uuids(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, uuid(text)];
}

/** `20/s`, `30/m` as messages per second. */
export function rate(text: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,6})\/([sm])$/.exec(text) ?? [];
  const perSecond = Number(digits) / (unit === "m" ? 60 : 1);
  if (perSecond === 0 || unit === "")
    throw new InvalidArgumentError("It must be a rate such as 20/s or 30/m.");
  return perSecond;
}

/** A share from 0 to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (!/^\d(\.\d+)?$/.test(text) || value > 1)
    throw new InvalidArgumentError("It must be a share from 0 to 1.");
  return value;
}

/** One row per dead letter: what was done with it. */
export function itemTable(
  items: readonly {
    readonly dead_letter_id: string;
    readonly saga_id: string | null;
    readonly type: string;
    readonly outcome: string;
    readonly detail: string | null;
  }[],
): string {
  return table(
    ["DEAD LETTER", "SAGA", "MESSAGE", "OUTCOME", "WHY"],
    items.map(({ dead_letter_id, saga_id, type, outcome, detail }) => [
      dead_letter_id,
      saga_id,
      type,
      outcome,
      detail,
    ]),
  );
}
