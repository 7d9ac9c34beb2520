// Plans and runs of bulk acts: the list. One of them is run.tsx.
import { RUN_STATES, type RunState } from "../../operations/plan.ts";
import type { RunView } from "../../operations/plans.ts";
import { Empty, IdLink } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import { stateText } from "../parts/run-words.ts";
import { type Column, DataTable } from "../parts/table.tsx";
import { When } from "../parts/when.tsx";
import type { Frame } from "../visit.ts";
import { RunKind, RunStatus } from "../parts/run-kind.tsx";

const runColumns = (now: number): readonly Column<RunView>[] => [
  {
    name: "run",
    head: "Run",
    show: ({ plan_id }) => <IdLink id={plan_id} href={`/runs/${plan_id}`} />,
    value: ({ plan_id }) => plan_id,
  },
  { name: "kind", head: "What", show: ({ kind }) => <RunKind kind={kind} />, value: ({ kind }) => kind },
  {
    name: "state",
    head: "State",
    show: ({ state }) => <RunStatus state={state} />,
    value: ({ state }) => state,
  },
  { name: "progress", head: "Progress", value: stateText },
  {
    name: "created_by",
    head: "Planned by",
    value: ({ created_by }) => created_by,
  },
  {
    name: "created_at",
    head: "Planned",
    isRight: true,
    show: ({ created_at }) => <When at={created_at} show="ago" now={now} />,
    value: ({ created_at }) => created_at,
  },
  {
    name: "started_by",
    head: "Started by",
    value: ({ started_by }) => started_by,
  },
];

interface RunsProps {
  readonly frame: Frame;
  readonly runs: readonly RunView[];
  readonly state: RunState | null;
  readonly older: string | null;
}

export function Runs({ frame, runs, state, older }: RunsProps) {
  return (
    <Page frame={frame} title="Plans and runs" current="runs">
      <div class="page-head">
        <h1>Plans and runs</h1>
        <nav class="tabs" aria-label="State">
          {[null, ...RUN_STATES].map((one) => (
            <a
              key={one}
              href={one === null ? "/runs" : `/runs?state=${one}`}
              {...(one === state ? { "aria-current": "true" } : {})}
            >
              {one ?? "all"}
            </a>
          ))}
        </nav>
      </div>
      <div class="card">
        {runs.length === 0 ? (
          <Empty title={state === null ? "There is no plan yet" : `No run is ${state}`}>
            <p>
              Plans are made of <a href="/dead-letters">dead letters</a> and of{" "}
              <a href="/outboxes">outboxes</a>.
            </p>
          </Empty>
        ) : (
          <>
            <DataTable
              label="Plans and runs"
              columns={runColumns(frame.now)}
              rows={runs}
              keyOf={({ plan_id }) => plan_id}
              hrefOf={({ plan_id }) => `/runs/${plan_id}`}
            />
            {older === null ? null : (
              <div class="table-foot small">
                <a href={older}>Older</a>
              </div>
            )}
          </>
        )}
      </div>
    </Page>
  );
}
