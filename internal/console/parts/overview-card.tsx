// What the parts of the overview have in common: what they are made of, and their frame. Used by pages/overview.tsx and its parts.
import type { ComponentChildren } from "preact";
import type { Snapshot } from "../collector.ts";

export interface OverviewProps {
  readonly snapshot: Snapshot;
  /** Epoch ms. */
  readonly now: number;
}

export function Card({
  id,
  title,
  aside,
  children,
}: {
  readonly id: string;
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  return (
    <section class="card" aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {aside === undefined ? null : <p class="small soft">{aside}</p>}
      </div>
      {children}
    </section>
  );
}
