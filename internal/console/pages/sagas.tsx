// The list of sagas, newest first, with its filter in the address.
import { SAGA_STATUSES } from "../../../schemas/http.ts";
import { moneyText } from "../../kernel/money.ts";
import type { SagaSummary } from "../../operations/saga-store.ts";
import { CommandLine, Copy, Empty } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import { placeText, SagaStatusText } from "../parts/saga-status.tsx";
import { type Column, DataTable, Exports } from "../parts/table.tsx";
import { When } from "../parts/when.tsx";
import { durationText, plural, shortId } from "../parts/words.ts";
import type { Frame } from "../visit.ts";

export interface SagaFilter {
  readonly status: string | null;
}

interface Props {
  readonly frame: Frame;
  readonly sagas: readonly SagaSummary[];
  readonly filter: SagaFilter;
  readonly limit: number;
}

export const sagaColumns = (now: number): readonly Column<SagaSummary>[] => [
  {
    name: "saga_id",
    head: "Saga",
    show: ({ saga_id }) => (
      <span class="nowrap">
        <a class="mono" href={`/sagas/${saga_id}`} title={saga_id}>
          {shortId(saga_id)}
        </a>
        <Copy text={saga_id} what="the saga's id" />
      </span>
    ),
    value: ({ saga_id }) => saga_id,
  },
  {
    name: "status",
    head: "Status",
    show: ({ status, needs_operator }) => <SagaStatusText status={status} needsOperator={needs_operator} />,
    value: ({ status }) => status,
  },
  { name: "step", head: "Step", show: (saga) => placeText(saga), value: (saga) => placeText(saga) },
  {
    name: "failure_code",
    head: "Failure",
    show: ({ failure_code, failure_message }) =>
      failure_code === null ? null : <span title={failure_message ?? undefined}>{failure_code}</span>,
    value: ({ failure_code }) => failure_code,
  },
  {
    name: "total_cents",
    head: "Total",
    isRight: true,
    show: ({ total_cents, currency }) =>
      total_cents === null ? null : <span class="nowrap">{moneyText(total_cents, currency)}</span>,
    value: ({ total_cents }) => total_cents,
  },
  {
    name: "created_at",
    head: "Started",
    isRight: true,
    show: ({ created_at }) => <When at={created_at} show="ago" now={now} />,
    value: ({ created_at }) => new Date(created_at).toISOString(),
  },
  {
    name: "took_ms",
    head: "Took",
    isRight: true,
    show: ({ created_at, completed_at }) =>
      completed_at === null ? (
        <span class="soft">in progress</span>
      ) : (
        <span class="nowrap">{durationText(completed_at - created_at)}</span>
      ),
    value: ({ created_at, completed_at }) => (completed_at === null ? null : completed_at - created_at),
  },
];

export function Sagas({ frame, sagas, filter, limit }: Props) {
  return (
    <Page frame={frame} title="Sagas" current="sagas">
      <div class="page-head">
        <h1>Sagas</h1>
        <Exports here={frame.here} />
      </div>
      <Filter filter={filter} limit={limit} />
      <div class="card">
        {sagas.length === 0 ? (
          <Nothing filter={filter} />
        ) : (
          <>
            <DataTable
              label="Sagas"
              columns={sagaColumns(frame.now)}
              rows={sagas}
              keyOf={({ saga_id }) => saga_id}
              hrefOf={({ saga_id }) => `/sagas/${saga_id}`}
            />
            <div class="table-foot small soft">
              <p>{plural(sagas.length, "saga")}, newest first</p>
              <CommandLine>{commandOf(filter, limit)}</CommandLine>
            </div>
          </>
        )}
      </div>
    </Page>
  );
}

function Filter({ filter, limit }: Pick<Props, "filter" | "limit">) {
  return (
    <form class="filters" aria-label="Filter">
      <div class="field">
        <label for="status">Status</label>
        <select id="status" name="status">
          <option value="">any</option>
          {SAGA_STATUSES.map((status) => (
            <option key={status} value={status} selected={status === filter.status}>
              {status}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for="limit">At most</label>
        <select id="limit" name="limit">
          {[50, 200, 1_000].map((count) => (
            <option key={count} value={count} selected={count === limit}>
              {count}
            </option>
          ))}
        </select>
      </div>
      <div class="buttons">
        <button class="button quiet">Show</button>
        {filter.status === null ? null : <a href="/sagas">clear</a>}
      </div>
    </form>
  );
}

function Nothing({ filter }: Pick<Props, "filter">) {
  if (filter.status !== null)
    return (
      <Empty title="No saga matches this filter">
        <p>
          <a href="/sagas">Show all sagas</a>
        </p>
      </Empty>
    );
  return (
    <Empty title="There is no saga yet">
      <p>
        Checkouts of the shop appear here. For some: <CommandLine>npm run demo -- --keep</CommandLine>
      </p>
    </Empty>
  );
}

function commandOf({ status }: SagaFilter, limit: number): string {
  return ["checkoutctl saga ls", ...(status === null ? [] : [`--status ${status}`]), `--limit ${limit}`].join(
    " ",
  );
}
