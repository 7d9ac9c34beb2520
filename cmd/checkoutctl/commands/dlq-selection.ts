// Selects dead letters by id or by filter. Shared by the commands of `checkoutctl dlq`.
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { DeadLetterFilter } from "../../../internal/operations/dead-letters.ts";
import { isFiltered } from "../../../internal/operations/select-dead-letters.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { confirmOption } from "../bulk.ts";
import { moment, operatorCommand, table, uuid, wrongUsage } from "../command.ts";

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

export function filterOf(
  { service, topic, type, code, error, saga, since, until }: FilterOptions,
  ids?: readonly string[],
): DeadLetterFilter {
  return { ids, service, topic, type, error, since, until, error_code: code, saga_id: saga };
}

/** The filter of a command that acts. Exits 2 without a selection: nothing selected must not mean everything. */
export function filterToHandle(
  options: FilterOptions & { readonly everything?: true | undefined },
  ids: readonly string[],
): DeadLetterFilter {
  const filter = filterOf(options, ids.length === 0 ? undefined : ids);
  if (!isFiltered(filter) && options.everything !== true)
    wrongUsage("select dead letters by id, by a filter, or with --everything");
  return filter;
}

/** A command that acts on dead letters: options for selection, actor, reason, confirmation and dry run. */
export function handlingCommand(name: string, summary: string) {
  return operatorCommand(name, summary)
    .addOption(confirmOption())
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

/** Collects repeated id arguments. */
export function uuids(text: string, before: readonly string[] = []): readonly string[] {
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
