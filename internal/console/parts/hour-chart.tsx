// The last hour, a bar a minute: checkouts started, by how they ended. Drawn on the server, so that it needs no script; the table behind it
// says the same.
import { countText } from "../../kernel/counted.ts";
import type { Minute } from "../../operations/saga-rate-store.ts";
import { When } from "./when.tsx";

const MINUTES = 60;
const MINUTE_MS = 60_000;
const BAR = 10;
const HEIGHT = 72;

interface Props {
  readonly minutes: readonly Minute[];
  /** Epoch ms of the reading. */
  readonly at: number;
}

export function HourChart({ minutes, at }: Props) {
  const bars = barsOf(minutes, at);
  const top = Math.max(1, ...bars.map(({ started }) => started));
  const scale = (count: number) => (count / top) * HEIGHT;
  return (
    <>
      <svg
        class="chart"
        viewBox={`0 0 ${MINUTES * BAR} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Checkouts per minute in the last hour, at most ${countText(top)}`}
      >
        {bars.map(({ started, completed, compensated }, index) => {
          const parts = [
            { name: "completed", height: scale(completed) },
            { name: "compensated", height: scale(compensated) },
            { name: "open", height: scale(started - completed - compensated) },
          ];
          let y = HEIGHT;
          return parts
            .filter(({ height }) => height > 0)
            .map(({ name, height }) => {
              y -= height;
              return (
                <rect
                  key={`${index}${name}`}
                  class={`bar-${name}`}
                  x={index * BAR + 1}
                  y={y}
                  width={BAR - 2}
                  height={height}
                />
              );
            });
        })}
      </svg>
      <p class="legend small soft">
        <span class="key bar-completed" /> completed <span class="key bar-compensated" /> compensated{" "}
        <span class="key bar-open" /> in progress{" "}
        <span class="legend-top">top {countText(top)} a minute</span>
      </p>
      <details class="small">
        <summary>As a table</summary>
        <MinuteTable minutes={minutes} />
      </details>
    </>
  );
}

function MinuteTable({ minutes }: Pick<Props, "minutes">) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Minute</th>
          <th scope="col" class="right">
            Started
          </th>
          <th scope="col" class="right">
            Completed
          </th>
          <th scope="col" class="right">
            Compensated
          </th>
        </tr>
      </thead>
      <tbody>
        {minutes.toReversed().map((minute) => (
          <tr key={minute.at}>
            <th scope="row">
              <When at={minute.at} show="minute" />
            </th>
            <td class="right">{countText(minute.started)}</td>
            <td class="right">{countText(minute.completed)}</td>
            <td class="right">{countText(minute.compensated)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Sixty minutes up to now; those without checkouts are empty. */
export function barsOf(minutes: readonly Minute[], at: number): readonly Minute[] {
  const last = Math.floor(at / MINUTE_MS) * MINUTE_MS;
  const byStart = new Map(minutes.map((minute) => [minute.at, minute]));
  return Array.from({ length: MINUTES }, (_, index) => {
    const start = last - (MINUTES - 1 - index) * MINUTE_MS;
    return byStart.get(start) ?? { at: start, started: 0, completed: 0, compensated: 0 };
  });
}
