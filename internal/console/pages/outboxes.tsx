// The outboxes: what waits for publishing, and how far back each reaches. After Kafka has lost messages they are published again, which is
// first a plan (pages/run.tsx).
import type { ComponentChildren } from "preact";
import { DATABASES, type DatabaseName } from "../../../schemas/migrations.ts";
import type { OutboxDepth, Part } from "../../../schemas/overview.ts";
import { countText } from "../../kernel/counted.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import { REPUBLISH_PER_SECOND } from "../../operations/plan-defaults.ts";
import { MAX_FIELD_LENGTH } from "../limits.ts";
import { Act } from "../parts/act.tsx";
import { CommandLine, Unknown } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import { type Column, DataTable, Exports } from "../parts/table.tsx";
import { When } from "../parts/when.tsx";
import { knownOf, type Reading } from "../source.ts";
import type { Frame } from "../visit.ts";

/** What the form begins with. */
const PROPOSED_MS = 2 * 60 * 60 * 1_000;

export interface OutboxRow {
  readonly database: DatabaseName;
  readonly reading: Reading<OutboxDepth>;
  /** Epoch ms of its oldest message, published or not; null if it is empty. */
  readonly held: Part<number | null>;
}

export const outboxColumns = (now: number): readonly Column<OutboxRow>[] => {
  const depth = (row: OutboxRow, show: (known: OutboxDepth) => number | null) => {
    const known = knownOf(row.reading);
    return known === null ? null : show(known);
  };
  const shown = (row: OutboxRow, show: (known: OutboxDepth) => ComponentChildren) => {
    const known = knownOf(row.reading);
    return known === null ? <Unknown reading={row.reading} /> : show(known);
  };
  return [
    { name: "database", head: "Database", value: ({ database }) => database },
    {
      name: "unpublished",
      head: "Not published",
      isRight: true,
      show: (row) => shown(row, ({ unpublished }) => countText(unpublished)),
      value: (row) => depth(row, ({ unpublished }) => unpublished),
    },
    {
      name: "oldest_at",
      head: "Oldest of them",
      isRight: true,
      show: (row) => shown(row, ({ oldest_at }) => <Since at={oldest_at} now={now} />),
      value: (row) => depth(row, ({ oldest_at }) => oldest_at),
    },
    {
      name: "retries",
      head: "Retries",
      isRight: true,
      show: (row) => shown(row, ({ retries }) => countText(retries)),
      value: (row) => depth(row, ({ retries }) => retries),
    },
    {
      name: "held_since",
      head: "Reaches back to",
      isRight: true,
      show: ({ held }) =>
        "why" in held ? (
          <Unknown reading={{ value: null, at: null, unknownSince: held.unknown_since, reason: held.why }} />
        ) : (
          <Since at={held.value} now={now} />
        ),
      value: ({ held }) => ("why" in held ? null : held.value),
    },
  ];
};

function Since({ at, now }: { readonly at: number | null; readonly now: number }) {
  return at === null ? <span class="soft">none</span> : <When at={at} show="ago" now={now} />;
}

export function Outboxes({ frame, rows }: { readonly frame: Frame; readonly rows: readonly OutboxRow[] }) {
  return (
    <Page frame={frame} title="Outboxes" current="topics">
      <div class="page-head">
        <div>
          <h1>Outboxes</h1>
          <p class="soft small">
            what the services have written for their <a href="/topics">topics</a>, kept for seven days
          </p>
        </div>
        <div class="buttons">
          <PublishAgain frame={frame} />
        </div>
      </div>
      <div class="card">
        <DataTable
          label="Outboxes"
          columns={outboxColumns(frame.now)}
          rows={rows}
          keyOf={({ database }) => database}
        />
        <div class="table-foot small">
          <Exports here="/outboxes" />
        </div>
      </div>
      <p class="small soft">
        On the command line: <CommandLine>checkoutctl top</CommandLine>
      </p>
    </Page>
  );
}

/** Only makes a plan: nothing is published before it is started. */
function PublishAgain({ frame }: { readonly frame: Frame }) {
  const since = timestampOf(frame.now - PROPOSED_MS);
  return (
    <Act
      frame={frame}
      id="republish"
      action="/runs/plan"
      label="Plan to publish again"
      confirm="Make the plan"
      command={`checkoutctl outbox plan --since ${since}`}
      withoutReason
    >
      <p>
        For topics that have lost messages. Counts what was published in this time, and freezes it as a plan.
        Nothing is published before the plan is started. Consumers take each message once, so choose a time
        well before the loss.
      </p>
      <input type="hidden" name="kind" value="outbox.republish" />
      <TimeField name="since" label="Written from (UTC)" value={since} />
      <TimeField name="until" label="Written until (UTC; empty: no end)" value="" />
      <div class="field">
        <label for="republish-database">Outbox</label>
        <select id="republish-database" name="database">
          <option value="">all</option>
          {DATABASES.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for="republish-rate">Messages a second, at most</label>
        <input
          id="republish-rate"
          name="rate"
          inputmode="decimal"
          required
          value={String(REPUBLISH_PER_SECOND)}
        />
      </div>
    </Act>
  );
}

function TimeField({
  name,
  label,
  value,
}: {
  readonly name: "since" | "until";
  readonly label: string;
  readonly value: string;
}) {
  return (
    <div class="field">
      <label for={`republish-${name}`}>{label}</label>
      <input
        id={`republish-${name}`}
        name={name}
        value={value}
        required={name === "since"}
        maxLength={MAX_FIELD_LENGTH}
        autocomplete="off"
        spellcheck={false}
        placeholder="2026-11-23T12:00:00Z"
      />
    </div>
  );
}
