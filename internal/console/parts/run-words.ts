// A plan or run in words: what it selects, how far it is, how fast. Pure.
import { countText, plural } from "../../kernel/counted.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { RunView } from "../../operations/plans.ts";
import { progressText } from "../../operations/run-progress.ts";

/** How far it is, or what is planned. */
export function stateText(run: RunView): string {
  return run.started_at === null
    ? `${plural(run.totals.acts, "item")} planned, ${perSecond(run.rate_per_second)}`
    : progressText(run, countText);
}

export function perSecond(rate: number): string {
  return `${Number(rate.toFixed(2))} a second`;
}

const FIELDS: readonly (readonly [string, (value: string) => string])[] = [
  ["service", (value) => `of the service ${value}`],
  ["topic", (value) => `from the topic ${value}`],
  ["type", (value) => `of the message ${value}`],
  ["error_code", (value) => `with the code ${value}`],
  ["error", (value) => `with “${value}” in the error`],
  ["saga_id", (value) => `of the saga ${value}`],
  ["since", (value) => `failed since ${value}`],
  ["until", (value) => `failed until ${value}`],
];

/** What the plan was made of. */
export function selectionText({ kind, selection }: Pick<RunView, "kind" | "selection">): string {
  const { since, until, published_before: before, ids } = selection;
  if (kind === "outbox.republish") {
    const end = timeText(until ?? before);
    return `what was published since ${timeText(since)}${end === "" ? "" : `, until ${end}`}`;
  }
  if (Array.isArray(ids))
    return ids.length === 1
      ? "one dead letter, by its id"
      : `${countText(ids.length)} dead letters, by their ids`;
  const parts = FIELDS.flatMap(([name, say]) => {
    const value = selection[name];
    if (value === undefined || value === null) return [];
    return [say(typeof value === "string" ? value : timeText(value))];
  });
  return parts.length === 0 ? "every open dead letter" : `open dead letters ${parts.join(", ")}`;
}

/** In UTC. */
function timeText(value: unknown): string {
  return typeof value === "number" ? timestampOf(value).slice(0, 19).replace("T", " ") + " UTC" : "";
}
