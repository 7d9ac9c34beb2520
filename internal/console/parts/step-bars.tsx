// The steps of a saga as bars on one scale: how long it stood where. Drawn from its history.
import type { HistoryRow } from "../../operations/saga-store.ts";
import type { SagaStory } from "../../operations/saga-story.ts";
import { durationText } from "./words.ts";

interface Stay {
  readonly name: string;
  readonly since: number;
  readonly until: number;
  readonly tone: "forward" | "undo";
  readonly isOpen: boolean;
}

/** Pure. One stay per place, from the transition into it to the next one. Repeated resends of one place are one stay. */
export function staysOf(history: readonly HistoryRow[], end: number | null, now: number): readonly Stay[] {
  const stays: Stay[] = [];
  for (const [index, row] of history.entries()) {
    if (row.to_status === "COMPLETED" || row.to_status === "COMPENSATED") continue;
    const next = history[index + 1];
    const name = row.to_status === "COMPENSATING" ? `undo ${row.step}` : row.step;
    const stay: Stay = {
      name,
      since: row.at,
      until: next?.at ?? end ?? now,
      tone: row.to_status === "COMPENSATING" ? "undo" : "forward",
      isOpen: next === undefined && end === null,
    };
    const last = stays.at(-1);
    if (last?.name === name) stays.splice(-1, 1, { ...stay, since: last.since });
    else stays.push(stay);
  }
  return stays;
}

export function StepBars({
  story: { saga, history },
  now,
}: {
  readonly story: SagaStory;
  readonly now: number;
}) {
  const stays = staysOf(history, saga.completed_at, now);
  const [first, last] = [stays[0], stays.at(-1)];
  if (first === undefined || last === undefined) return <></>;
  const span = Math.max(1, last.until - first.since);
  const percent = (ms: number) => (ms / span) * 100;
  return (
    <section class="card" aria-labelledby="steps-title">
      <h2 id="steps-title">Steps</h2>
      <ol class="bars plain-list">
        {stays.map(({ name, since, until, tone, isOpen }) => (
          <li key={`${name}${since}`}>
            <span>{name}</span>
            <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
              <rect
                class={`stay is-${tone}`}
                x={percent(since - first.since)}
                y="1"
                width={Math.max(0.6, percent(until - since))}
                height="8"
              />
            </svg>
            <span class="bar-time number">
              {isOpen ? `${durationText(until - since)} so far` : durationText(until - since)}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
