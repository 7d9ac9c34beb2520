// The audit trail: who did what, when, from where, why, and what came of it; refusals and looks at personal data included.
import type { AuditFilter, AuditRow } from "../../operations/audit-trail-store.ts";
import { OPERATOR_ACTIONS } from "../../messaging/operator-action-store.ts";
import { shortId } from "../../operations/short-id.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import { Copy, Empty, Status, type Tone } from "../parts/bits.tsx";
import { type AuditLine, rowCountOf } from "../parts/audit-fold.ts";
import { Choice, Field } from "../parts/field.tsx";
import { Page } from "../parts/layout.tsx";
import { type Column, DataTable, Exports } from "../parts/table.tsx";
import { When } from "../parts/when.tsx";
import { plural } from "../parts/words.ts";
import type { Frame } from "../visit.ts";

/** `cancelling` and `asked` only began something, whose end this line does not know. */
function toneOf(outcome: string | null): Tone {
  if (outcome === "refused" || outcome === "failed" || outcome === "halted") return "bad";
  return outcome === null || BEGUN.has(outcome) ? "running" : "good";
}

const BEGUN: ReadonlySet<string> = new Set(["cancelling", "asked"]);

export const auditColumns: readonly Column<AuditRow>[] = [
  {
    name: "at",
    head: "When",
    show: ({ at }) => (
      <span class="nowrap">
        <When at={at} show="both" />
      </span>
    ),
    value: ({ at }) => timestampOf(at),
  },
  { name: "actor", head: "Who", value: ({ actor }) => actor },
  {
    name: "action",
    head: "What",
    show: ({ action }) => <span class="nowrap">{action}</span>,
    value: ({ action }) => action,
  },
  {
    name: "subject",
    head: "On what",
    show: (row) => <Subject row={row} />,
    value: ({ subject }) => subject,
  },
  {
    name: "outcome",
    head: "Outcome",
    show: ({ outcome, detail }) => (
      <span>
        <Status tone={toneOf(outcome)}>{outcome ?? "in progress"}</Status>
        {detail === null ? null : <span class="reason small soft">{detail}</span>}
      </span>
    ),
    value: ({ outcome }) => outcome,
  },
  { name: "reason", head: "Why", value: ({ reason }) => reason },
  {
    name: "address",
    head: "From",
    show: ({ address }) => address ?? <span class="soft nowrap">not known</span>,
    value: ({ address }) => address,
  },
];

/** In CSV and JSON only. */
export const auditMore: readonly Column<AuditRow>[] = [
  { name: "detail", head: "Detail", value: ({ detail }) => detail },
  { name: "saga_id", head: "Saga", value: ({ saga_id }) => saga_id },
  { name: "run_id", head: "Run", value: ({ run_id }) => run_id },
  {
    name: "parameters",
    head: "Parameters",
    value: ({ parameters }) => (parameters === null ? null : JSON.stringify(parameters)),
  },
];

/** What an id is of, by the first part of the action. */
const THINGS: Readonly<Record<string, string>> = {
  saga: "saga",
  order: "order",
  payment: "payment",
  "payment-alert": "payment alert",
  "dead-letter": "dead letter",
  plan: "plan",
  run: "run",
  shopper: "shopper",
};

function Subject({ row }: { readonly row: AuditRow }) {
  const { action, subject, saga_id } = row;
  const isId = /^[0-9a-f-]{36}$/.test(subject);
  const [family = ""] = action.split(".");
  const thing = saga_id === subject ? "saga" : isId ? THINGS[family] : undefined;
  const href = isId ? hrefOf(row, family) : null;
  const text = isId ? shortId(subject) : subject;
  return (
    <span class="wraps">
      {thing === undefined ? null : <span class="soft">{thing} </span>}
      <span class={isId ? "nowrap" : undefined}>
        {href === null ? (
          <span class={isId ? "mono" : undefined} title={subject}>
            {text}
          </span>
        ) : (
          <a class="mono" href={href} title={subject}>
            {text}
          </a>
        )}
        <Copy text={subject} what="what it was done to" />
      </span>
    </span>
  );
}

/** The page about it; null if there is none. */
function hrefOf({ subject, saga_id }: AuditRow, family: string): string | null {
  if (family === "dead-letter") return `/dead-letters/${subject}`;
  if (family === "plan" || family === "run") return `/runs/${subject}`;
  return saga_id === null ? null : `/sagas/${saga_id}`;
}

/** With a link that unfolds the lines of a run, or folds them again. */
function lineColumns(given: URLSearchParams): readonly Column<AuditLine>[] {
  const hrefOfRun = (run: string | null) => {
    const fields = new URLSearchParams(given);
    fields.delete("open");
    if (run !== null) fields.set("open", run);
    return `/audit?${fields}`;
  };
  return auditColumns.map((column) =>
    column.name !== "action"
      ? column
      : {
          ...column,
          show: (line) => (
            <span>
              <span class="nowrap">{line.action}</span>
              {line.more === 0 ? null : (
                <span class="reason small">
                  <a href={hrefOfRun(line.run_id)}>and {plural(line.more, "more line")} of this run</a>
                </span>
              )}
              {line.isUnfolded ? (
                <span class="reason small">
                  <a href={hrefOfRun(null)}>fold this run</a>
                </span>
              ) : null}
            </span>
          ),
        },
  );
}

interface Props {
  readonly frame: Frame;
  readonly lines: readonly AuditLine[];
  readonly filter: AuditFilter;
  /** As it stands in the address. */
  readonly given: URLSearchParams;
  /** The address of the next page; null on the last one. */
  readonly older: string | null;
}

/** A family with its dot stands for all acts of it. */
const KINDS = [...new Set(OPERATOR_ACTIONS.map(familyOf))]
  .toSorted()
  .flatMap((family) => [family, ...OPERATOR_ACTIONS.filter((one) => familyOf(one) === family).toSorted()]);

function familyOf(action: string): string {
  return action.slice(0, action.indexOf(".") + 1);
}

/** The labels of both. */
export const AUDIT_TIMES = { since: "From (UTC)", until: "Until (UTC)" } as const;
const OUTCOMES = ["refused", "failed", "halted", "in progress"];

export function Audit({ frame, lines, filter, given, older }: Props) {
  const isFiltered = Object.values(filter).some((value) => value !== null);
  return (
    <Page frame={frame} title="Audit trail" current="audit">
      <div class="page-head">
        <h1>Audit trail</h1>
        <Exports here={frame.here} />
      </div>
      <form class="filters" aria-label="Filter">
        <Field name="actor" label="Who" value={filter.actor ?? ""} />
        <Choice
          name="action"
          label="What"
          options={KINDS}
          value={filter.action}
          textOf={(kind) => kind.replace(/\.$/, ": all")}
        />
        <Field name="subject" label="Id of the saga or thing" value={filter.subject ?? ""} />
        {(["since", "until"] as const).map((name) => (
          <Field
            key={name}
            name={name}
            label={AUDIT_TIMES[name]}
            value={given.get(name) ?? ""}
            placeholder="2026-11-29"
          />
        ))}
        <Choice name="outcome" label="Outcome" options={OUTCOMES} value={filter.outcome} />
        <div class="buttons">
          <button class="button quiet">Show</button>
          {isFiltered ? <a href="/audit">clear</a> : null}
        </div>
      </form>
      <div class="card">
        {lines.length === 0 ? (
          <Empty title={isFiltered ? "Nothing matches this filter" : "Nobody has done anything by hand yet"}>
            {isFiltered ? (
              <p>
                <a href="/audit">Show the whole trail</a>
              </p>
            ) : null}
          </Empty>
        ) : (
          <>
            <DataTable
              label="Audit trail"
              columns={lineColumns(given)}
              rows={lines}
              keyOf={({ action_id }) => action_id}
            />
            <div class="table-foot small soft">
              <p>{plural(rowCountOf(lines), "line")}, newest first</p>
              {older === null ? null : <a href={older}>Older</a>}
            </div>
          </>
        )}
      </div>
    </Page>
  );
}
