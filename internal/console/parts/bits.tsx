// Small parts that many pages share: a status, something unknown, a notice, an empty place, a command, a copy button.
import type { ComponentChildren } from "preact";
import { shortId } from "../../operations/short-id.ts";
import type { Reading } from "../source.ts";
import { Icon, type IconName } from "./icon.tsx";
import { When } from "./when.tsx";

export type Tone = "good" | "warn" | "bad" | "running" | "undo";

export function Status({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  const color = tone === "running" ? "" : tone === "undo" ? " is-warn" : ` is-${tone}`;
  return (
    <span class={`status${color}`}>
      <Icon name={tone} />
      <span>{children}</span>
    </span>
  );
}

/** Never 0 for "nobody answered": since when, why on hover, and what was last known. */
export function Unknown({
  reading,
  last,
}: {
  readonly reading: Reading<unknown>;
  /** The last known value in words. */
  readonly last?: string | undefined;
}) {
  const { unknownSince, reason } = reading;
  if (unknownSince === null) return <span class="soft">not asked yet</span>;
  return (
    <span class="unknown" title={reason ?? undefined}>
      <Icon name="question" />
      <span>
        unknown since <When at={unknownSince} show="since" />
        {last === undefined ? null : <span class="soft"> (last: {last})</span>}
      </span>
    </span>
  );
}

export function Notice({
  tone,
  children,
}: {
  readonly tone: "info" | "warn" | "bad";
  readonly children: ComponentChildren;
}) {
  const icon: IconName = tone === "info" ? "message" : "warn";
  return (
    <div class={`notice is-${tone}`}>
      <Icon name={icon} />
      <div>{children}</div>
    </div>
  );
}

export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A button that copies; without scripts it is not there. */
export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <button
      type="button"
      class="copy"
      data-needs-js
      data-copy={text}
      aria-label={`Copy ${what}`}
      title={`Copy ${what}`}
    >
      <Icon name="copy" />
    </button>
  );
}

/** Names with their values; those without a value (null) are left out. */
export function Facts({
  facts,
  look,
}: {
  readonly facts: readonly (readonly [string, ComponentChildren])[];
  /** `facts`: texts in columns; `figures`: large numbers. With `card` if it stands for itself. */
  readonly look: "facts" | "facts card" | "figures" | "figures card";
}) {
  return (
    <dl class={look}>
      {facts
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** An id in its short form, which leads to its page. */
export function IdLink({ id, href }: { readonly id: string; readonly href: string }) {
  return (
    <a class="mono nowrap" href={href} title={id}>
      {shortId(id)}
    </a>
  );
}

/** What does the same on the command line. */
export function CommandLine({ children }: { readonly children: string }) {
  return (
    <span class="command">
      <code>{children}</code>
      <Copy text={children} what="the command" />
    </span>
  );
}

/** An argument of a shell command, quoted if it must be. */
export function shellArgument(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
