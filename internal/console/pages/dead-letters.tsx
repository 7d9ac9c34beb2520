// Messages that failed for good: what they have in common, and one by one. What is done with them is first a plan (pages/run.tsx).
import type {
  DeadLetterCause,
  DeadLetterFilter,
  DeadLetters,
  ListedDeadLetter,
} from "../../operations/dead-letters.ts";
import { OTHER_ERRORS, typeOf } from "../../operations/dead-letters.ts";
import { commonPartOf } from "../../operations/fingerprint.ts";
import { isQuarantined } from "../../operations/plan.ts";
import { countText, plural } from "../../kernel/counted.ts";
import { epochMsOf, timestampOf } from "../../kernel/timestamp.ts";
import { CommandLine, Empty, IdLink, shellArgument, Status } from "../parts/bits.tsx";
import { Field } from "../parts/field.tsx";
import { Page } from "../parts/layout.tsx";
import { PlanAct } from "../parts/plan-act.tsx";
import { sagaColumn } from "../parts/saga-columns.tsx";
import { type Column, DataTable, Exports } from "../parts/table.tsx";
import { When } from "../parts/when.tsx";
import type { Frame } from "../visit.ts";

export const deadLetterColumns = (now: number): readonly Column<ListedDeadLetter>[] => [
  {
    name: "dead_letter_id",
    head: "Dead letter",
    show: ({ dead_letter_id }) => <IdLink id={dead_letter_id} href={`/dead-letters/${dead_letter_id}`} />,
    value: ({ dead_letter_id }) => dead_letter_id,
  },
  { name: "service", head: "Service", value: ({ service }) => service },
  { name: "type", head: "Message", value: (one) => typeOf(one) },
  {
    name: "error",
    head: "Error",
    show: ({ error_code, error_message }) => (
      <span>
        {error_code}:{" "}
        <span class="soft" title={error_message}>
          {clipped(error_message)}
        </span>
      </span>
    ),
    value: ({ error_code, error_message }) => `${error_code}: ${error_message}`,
  },
  sagaColumn,
  {
    name: "replays",
    head: "Replays without success",
    isRight: true,
    show: ({ replays }) =>
      isQuarantined(replays) ? <Status tone="warn">{replays}, quarantined</Status> : replays,
    value: ({ replays }) => replays,
  },
  {
    name: "last_failure_at",
    head: "Failed",
    isRight: true,
    show: ({ last_failure_at }) => <When at={epochMsOf(last_failure_at)} show="ago" now={now} />,
    value: ({ last_failure_at }) => last_failure_at,
  },
  { name: "handling", head: "Handling", value: ({ handling }) => handling },
];

const CLIPPED = 60;

/** Many in a row have the same error, which the list of causes and the page of each have whole. */
function clipped(text: string): string {
  return text.length <= CLIPPED ? text : `${text.slice(0, CLIPPED).trimEnd()}…`;
}

interface Props {
  readonly frame: Frame;
  readonly found: DeadLetters;
  readonly filter: DeadLetterFilter;
  readonly all: boolean;
  /** The address of the same list with more rows; null if there are none, or no more are shown. */
  readonly more: string | null;
}

export function DeadLettersPage({ frame, found, filter, all, more }: Props) {
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  return (
    <Page frame={frame} title="Dead letters" current="dead-letters">
      <div class="page-head">
        <h1>Dead letters</h1>
        <div class="buttons">
          {found.total > 0 ? <Plans frame={frame} filter={filter} found={found} all={all} /> : null}
          <Exports here={frame.here} />
        </div>
      </div>
      <Filter filter={filter} all={all} isFiltered={isFiltered} />
      {found.total === 0 ? (
        <div class="card">
          <Empty
            title={
              isFiltered
                ? "No dead letter matches this filter"
                : all
                  ? "There is no dead letter"
                  : "No dead letter waits for a decision"
            }
          >
            {isFiltered || !all ? (
              <p>
                <a href={isFiltered ? "/dead-letters" : "/dead-letters?all=1"}>
                  {isFiltered ? "Clear the filter" : "Show those that were handled"}
                </a>
              </p>
            ) : null}
          </Empty>
        </div>
      ) : (
        <>
          <Causes causes={found.causes} now={frame.now} />
          <section class="card" aria-labelledby="list">
            <div class="card-head">
              <h2 id="list">One by one</h2>
              <p class="small soft">
                {plural(found.entries.length, "dead letter")} of {countText(found.total)}, newest first
              </p>
            </div>
            <DataTable
              label="Dead letters"
              columns={all ? deadLetterColumns(frame.now) : deadLetterColumns(frame.now).slice(0, -1)}
              rows={found.entries}
              keyOf={({ dead_letter_id }) => dead_letter_id}
              hrefOf={({ dead_letter_id }) => `/dead-letters/${dead_letter_id}`}
            />
            {more === null ? null : (
              <div class="table-foot small">
                <a href={more}>Show more</a>
              </div>
            )}
          </section>
        </>
      )}
      <p class="small soft">
        On the command line:{" "}
        <CommandLine>{`checkoutctl dlq ls${optionsOf(filter)}${all ? " --all" : ""}`}</CommandLine>
      </p>
    </Page>
  );
}

/** By the names of the form's fields, which are also the options of `checkoutctl dlq`. */
function fieldsOf({ service, type, error_code, error, saga_id, since, until }: DeadLetterFilter) {
  const time = (at: number | undefined) => (at === undefined ? undefined : timestampOf(at));
  return { service, type, code: error_code, error, saga: saga_id, since: time(since), until: time(until) };
}

function optionsOf(filter: DeadLetterFilter): string {
  return Object.entries(fieldsOf(filter))
    .flatMap(([name, value]) => (value === undefined ? [] : [` --${name} ${shellArgument(value)}`]))
    .join("");
}

function Causes({ causes, now }: { readonly causes: readonly DeadLetterCause[]; readonly now: number }) {
  const hrefOf = ({ service, type, error_code, fingerprint = "" }: DeadLetterCause) => {
    const error = fingerprint === OTHER_ERRORS ? undefined : commonPartOf(fingerprint);
    const fields = { service, type, code: error_code, ...(error === undefined ? {} : { error }) };
    return `/dead-letters?${new URLSearchParams(fields)}`;
  };
  const columns: readonly Column<DeadLetterCause>[] = [
    {
      name: "count",
      head: "Count",
      show: (cause) => <a href={hrefOf(cause)}>{countText(cause.count)}</a>,
      value: ({ count }) => count,
    },
    { name: "service", head: "Service", value: ({ service }) => service },
    { name: "type", head: "Message", value: ({ type }) => type },
    {
      name: "error_code",
      head: "Code",
      value: ({ error_code }) => error_code,
    },
    {
      name: "fingerprint",
      head: "Error",
      show: ({ fingerprint }) => <span class="soft">{fingerprint}</span>,
      value: ({ fingerprint = null }) => fingerprint,
    },
    {
      name: "oldest",
      head: "Oldest",
      isRight: true,
      show: ({ oldest }) => <When at={epochMsOf(oldest)} show="ago" now={now} />,
      value: ({ oldest }) => oldest,
    },
    {
      name: "newest",
      head: "Newest",
      isRight: true,
      show: ({ newest }) => <When at={epochMsOf(newest)} show="ago" now={now} />,
      value: ({ newest }) => newest,
    },
  ];
  return (
    <section class="card" aria-labelledby="causes">
      <h2 id="causes">By cause</h2>
      <DataTable
        label="Dead letters by cause"
        columns={columns}
        rows={causes}
        keyOf={({ service, type, error_code, fingerprint }) =>
          `${service} ${type} ${error_code} ${fingerprint ?? ""}`
        }
      />
    </section>
  );
}

function Filter({
  filter,
  all,
  isFiltered,
}: Pick<Props, "filter" | "all"> & { readonly isFiltered: boolean }) {
  const values = fieldsOf(filter);
  const fields = [
    ["service", "Service"],
    ["type", "Message"],
    ["code", "Code"],
    ["error", "Error contains"],
    ["saga", "Saga"],
    ["since", "Failed from (UTC)"],
    ["until", "Failed until (UTC)"],
  ] as const;
  return (
    <form class="filters" aria-label="Filter">
      {fields.map(([name, label]) => (
        <Field
          key={name}
          name={name}
          label={label}
          value={values[name] ?? ""}
          placeholder={name === "since" || name === "until" ? "2026-11-23T12:00:00Z" : undefined}
        />
      ))}
      <label class="check">
        <input type="checkbox" name="all" value="1" checked={all} /> handled ones, too
      </label>
      <div class="buttons">
        <button class="button quiet">Show</button>
        {isFiltered ? <a href="/dead-letters">clear</a> : null}
      </div>
    </form>
  );
}

/** Both only make a plan: nothing is sent or thrown away before it is started. */
function Plans({
  frame,
  filter,
  found: { total, causes },
  all,
}: {
  readonly frame: Frame;
  readonly filter: DeadLetterFilter;
  readonly found: Pick<DeadLetters, "total" | "causes">;
  readonly all: boolean;
}) {
  const options = optionsOf(filter);
  const everything = options === "" ? " --everything" : options;
  const fields = (
    <>
      {Object.entries(fieldsOf(filter)).map(([name, value]) =>
        value === undefined ? null : <input key={name} type="hidden" name={name} value={value} />,
      )}
      {options === "" ? <input type="hidden" name="everything" value="1" /> : null}
      <PlannedCauses causes={causes} isEverything={options === ""} />
    </>
  );
  const impossible = all ? "this list has handled ones, too: leave them out first" : null;
  return (
    <>
      <PlanAct
        frame={frame}
        kind="replay"
        command={`checkoutctl dlq plan${everything}`}
        impossible={impossible}
        what={plural(total, "open dead letter")}
      >
        {fields}
      </PlanAct>
      <PlanAct
        frame={frame}
        kind="discard"
        command={`checkoutctl dlq plan --discard${everything}`}
        impossible={impossible}
        what={plural(total, "open dead letter")}
      >
        {fields}
      </PlanAct>
    </>
  );
}

const NAMED_CAUSES = 5;

/** What a plan would hold, before it is made: without a filter it takes every cause, also those that nobody has mended. */
function PlannedCauses({
  causes,
  isEverything,
}: {
  readonly causes: readonly DeadLetterCause[];
  readonly isEverything: boolean;
}) {
  const rest = causes.slice(NAMED_CAUSES).reduce((sum, { count }) => sum + count, 0);
  return (
    <>
      {isEverything && causes.length > 1 ? (
        <p>
          <strong>No filter is set, so it takes all {causes.length} causes.</strong> For one of them follow
          its count in the list first.
        </p>
      ) : null}
      <ul class="small causes">
        {causes.slice(0, NAMED_CAUSES).map(({ service, type, error_code, fingerprint = "", count }) => (
          <li key={`${service} ${type} ${error_code} ${fingerprint}`}>
            {countText(count)} × {type} of {service}, {error_code}: {clipped(fingerprint)}
          </li>
        ))}
        {rest === 0 ? null : <li>{countText(rest)} of other causes</li>}
      </ul>
    </>
  );
}
