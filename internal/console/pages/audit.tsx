// The audit trail: who did what, when, from where, why, and the outcome; refusals and looks at personal data included.
import { plural } from "../../kernel/counted.ts";
import { orderNumberOf } from "../../kernel/order-number.ts";
import { timestampOf, timestampOrNull } from "../../kernel/timestamp.ts";
import { type AuditIds, MAX_AUDIT_IDS } from "../../operations/audit-ids.ts";
import {
  AUDIT_GROUPS,
  type AuditFilter,
  type AuditRow,
  outcomeOf,
  UNDER_WAY,
} from "../../operations/audit-trail-store.ts";
import { OPERATOR_ACTIONS } from "../../messaging/operator-action-store.ts";
import { shortId } from "../../operations/short-id.ts";
import { MAX_FIELD_LENGTH } from "../limits.ts";
import { Copy, Empty, Notice, Status, type Tone } from "../parts/bits.tsx";
import { type AuditLine, rowCountOf } from "../parts/audit-fold.ts";
import { Choice, Field } from "../parts/field.tsx";
import { Page } from "../parts/layout.tsx";
import { type Column, DataTable, Exports } from "../parts/table.tsx";
import { When } from "../parts/when.tsx";
import type { Frame } from "../visit.ts";

function toneOf(outcome: string): Tone {
  if (outcome === "refused" || outcome === "failed" || outcome === "halted") return "bad";
  return BEGUN.has(outcome) ? "running" : "good";
}

/** `cancelling` and `asked` only began something; this line does not know its end. */
const BEGUN: ReadonlySet<string> = new Set(["cancelling", "asked", "in progress", UNDER_WAY]);

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
    show: (row) => <Outcome row={row} />,
    value: outcomeOf,
  },
  { name: "reason", head: "Why", value: ({ reason }) => reason },
  {
    name: "address",
    head: "From",
    show: (row) => <From row={row} />,
    value: ({ address }) => address,
  },
];

/** In CSV and JSON only. */
export const auditMore: readonly Column<AuditRow>[] = [
  { name: "written_outcome", head: "Outcome as written", value: ({ outcome }) => outcome },
  { name: "ended_at", head: "Ended", value: ({ ended_at }) => timestampOrNull(ended_at) },
  { name: "order_number", head: "Order number", value: orderNumberIn },
  { name: "detail", head: "Detail", value: ({ detail }) => detail },
  { name: "saga_id", head: "Saga", value: ({ saga_id }) => saga_id },
  { name: "run_id", head: "Run", value: ({ run_id }) => run_id },
  {
    name: "parameters",
    head: "Parameters",
    value: ({ parameters }) => (parameters === null ? null : JSON.stringify(parameters)),
  },
];

/** What the id belongs to, by the first part of the action. */
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

/** A cancellation also shows its outcome and when: the line itself only says that it began. */
function Outcome({ row }: { readonly row: AuditRow }) {
  const outcome = outcomeOf(row);
  const { detail, ended_at } = row;
  return (
    <span>
      <Status tone={toneOf(outcome)}>{outcome}</Status>
      {row.is_cancellation && ended_at !== null ? (
        <span class="reason small soft">
          <When at={ended_at} show="both" />
        </span>
      ) : detail === null ? null : (
        <span class="reason small soft">{detail}</span>
      )}
    </span>
  );
}

/** Written by the process that executes a run, in the name of the person who started it. */
const BY_A_RUN: ReadonlySet<string> = new Set([
  "run.end",
  "dead-letter.replay",
  "dead-letter.discard",
  "outbox.republish",
]);

function From({ row: { action, address, run_id } }: { readonly row: AuditRow }) {
  if (address !== null) return <>{address}</>;
  return BY_A_RUN.has(action) ? (
    <a class="nowrap" href={`/runs/${run_id}`}>
      its run
    </a>
  ) : (
    <span class="soft nowrap">not known</span>
  );
}

function orderNumberIn({ order_id }: AuditRow): string | null {
  return order_id === null ? null : orderNumberOf(order_id);
}

function Subject({ row }: { readonly row: AuditRow }) {
  const { action, subject, saga_id } = row;
  const isId = /^[0-9a-f-]{36}$/.test(subject);
  const [family = ""] = action.split(".");
  const thing = saga_id === subject ? "saga" : isId ? THINGS[family] : undefined;
  const href = isId ? hrefOf(row, family) : null;
  const text = isId ? shortId(subject) : subject;
  const number = orderNumberIn(row);
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
      {number === null ? null : (
        <span class="reason small">
          <span class="soft">order </span>
          <span class="mono nowrap">{number}</span>
        </span>
      )}
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
              {line.asked === null ? null : <span class="reason small soft">asked for in the console</span>}
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
  /** Of a field of the filter that is wrong, by its name: a sentence. Then nothing was read. */
  readonly faults?: AuditFaults;
  /** What was found of the ids in the filter. */
  readonly ids?: Pick<AuditIds, "unknown" | "missing"> | null;
  /** The address of the next page; null on the last one. */
  readonly older: string | null;
}

export type AuditFaults = Readonly<Partial<Record<keyof typeof AUDIT_FIELDS, string>>>;

/** A family with its dot stands for all acts of it. */
const KINDS = [
  ...Object.keys(AUDIT_GROUPS),
  ...[...new Set(OPERATOR_ACTIONS.map(familyOf))]
    .toSorted()
    .flatMap((family) => [family, ...OPERATOR_ACTIONS.filter((one) => familyOf(one) === family).toSorted()]),
];

function familyOf(action: string): string {
  return action.slice(0, action.indexOf(".") + 1);
}

/** The labels of the fields that may be wrong. */
export const AUDIT_FIELDS = {
  subject: "Ids or order numbers",
  since: "From (UTC)",
  until: "Until (UTC)",
} as const;
const OUTCOMES = ["refused", "failed", "halted", "in progress", UNDER_WAY, "cancelled"];

export function Audit(props: Props) {
  const { frame, faults = NO_FAULTS } = props;
  const isWrong = Object.keys(faults).length > 0;
  return (
    <Page frame={frame} title="Audit trail" current="audit">
      <div class="page-head">
        <h1>Audit trail</h1>
        {isWrong ? null : <Exports here={frame.here} />}
      </div>
      <Filter {...props} />
      {isWrong ? (
        <Notice tone="bad">
          <p>Nothing is listed, because the filter is wrong:</p>
          <ul>
            {Object.entries(faults).map(([name, message]) => (
              <li key={name} id={`fault-${name}`}>
                {message}
              </li>
            ))}
          </ul>
        </Notice>
      ) : (
        <Lines {...props} />
      )}
    </Page>
  );
}

const NO_FAULTS: AuditFaults = {};

function Filter({ filter, given, faults = NO_FAULTS }: Props) {
  const field = (name: keyof typeof AUDIT_FIELDS, placeholder: string) => (
    <Field
      key={name}
      name={name}
      label={AUDIT_FIELDS[name]}
      value={given.get(name) ?? ""}
      placeholder={placeholder}
      maxLength={MAX_AUDIT_IDS * MAX_FIELD_LENGTH}
      faultId={faults[name] === undefined ? undefined : `fault-${name}`}
    />
  );
  return (
    <form class="filters" aria-label="Filter">
      <Field name="actor" label="Who" value={filter.actor ?? ""} />
      <Choice
        name="action"
        label="What"
        options={KINDS}
        value={filter.action}
        textOf={(kind) =>
          kind === "cancellations" ? "cancellations of sagas and orders" : kind.replace(/\.$/, ": all")
        }
      />
      {field("subject", "one or several")}
      {field("since", "2026-11-29 13:08")}
      {field("until", "2026-11-29 13:08")}
      <Choice name="outcome" label="Outcome" options={OUTCOMES} value={filter.outcome} />
      <div class="buttons">
        <button class="button quiet">Show</button>
        {isFilteredBy(given) ? <a href="/audit">clear</a> : null}
      </div>
    </form>
  );
}

const FILTERS = ["actor", "action", "subject", "since", "until", "outcome"];

function isFilteredBy(given: URLSearchParams): boolean {
  return FILTERS.some((name) => (given.get(name) ?? "").trim() !== "");
}

/** What an id in the filter may be: nothing, or something that a database knows which does not answer. */
function UnknownIds({ ids }: { readonly ids: NonNullable<Props["ids"]> }) {
  const { unknown, missing } = ids;
  if (unknown.length === 0) return null;
  return (
    <Notice tone="warn">
      <p>
        {missing.length === 0 ? "Nothing" : "Nothing that was looked at"} has the id{" "}
        <span class="mono">{unknown.join(", ")}</span>, so only lines that name it exactly can be listed for
        it. A file is refused while it is in the filter.
        {missing.length === 0
          ? null
          : ` Not everything was looked at: ${missing.map(({ database, reason }) => `${database} (${reason})`).join(", ")}.`}
      </p>
    </Notice>
  );
}

function Lines({ lines, given, older, ids = null }: Props) {
  const isFiltered = isFilteredBy(given);
  return (
    <>
      {ids === null ? null : <UnknownIds ids={ids} />}
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
    </>
  );
}
