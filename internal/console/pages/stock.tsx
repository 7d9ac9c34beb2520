// The stock of one product, and who has reserved it.
import { countText, plural } from "../../kernel/counted.ts";
import { moneyText } from "../../kernel/money.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import type { Stock, StockReservation } from "../../operations/stock-store.ts";
import { CommandLine, Copy, Empty, Facts, Status, type Tone } from "../parts/bits.tsx";
import { Page } from "../parts/layout.tsx";
import { sagaColumn } from "../parts/saga-columns.tsx";
import { type Column, DataTable, Exports } from "../parts/table.tsx";
import { When } from "../parts/when.tsx";
import type { Frame } from "../visit.ts";

const TONES: Readonly<Record<string, Tone>> = {
  HELD: "running",
  CONFIRMED: "good",
  RELEASED: "undo",
  EXPIRED: "warn",
};

export const reservationColumns = (now: number): readonly Column<StockReservation>[] => [
  sagaColumn,
  {
    name: "quantity",
    head: "Pieces",
    isRight: true,
    value: ({ quantity }) => quantity,
  },
  {
    name: "status",
    head: "Status",
    show: ({ status, expires_at }) => (
      <span>
        <Status tone={TONES[status] ?? "running"}>{status}</Status>
        {status === "HELD" ? (
          <span class="soft">
            , expires <When at={expires_at} show="ago" now={now} />
          </span>
        ) : null}
      </span>
    ),
    value: ({ status }) => status,
  },
  {
    name: "reserved_at",
    head: "Reserved",
    isRight: true,
    show: ({ reserved_at }) => <When at={reserved_at} show="ago" now={now} />,
    value: ({ reserved_at }) => timestampOf(reserved_at),
  },
];

interface Props {
  readonly frame: Frame;
  readonly stock: Stock;
  readonly reservations: readonly StockReservation[];
}

export function StockPage({ frame, stock, reservations }: Props) {
  const { sku_id, name, stocked, available, held, unit_price_cents, currency } = stock;
  const figures = [
    ["Available", countText(available)],
    ["Held", countText(held)],
    ["Confirmed", countText(stocked - available - held)],
    ["Ever stocked", countText(stocked)],
  ] as const;
  return (
    <Page frame={frame} title={`Stock of ${sku_id}`} isStill>
      <div class="page-head">
        <div>
          <p class="soft small">Stock</p>
          <h1>
            {name} <span class="mono soft">{sku_id}</span> <Copy text={sku_id} what="the SKU" />
          </h1>
        </div>
        <p>{moneyText(unit_price_cents, currency)} a piece</p>
        <Exports here={frame.here} />
      </div>
      <Facts facts={figures} look="figures card" />
      <section class="card" aria-labelledby="reservations">
        <div class="card-head">
          <h2 id="reservations">Reservations</h2>
          <p class="small soft">
            the newest; <a href={`/sagas?sku=${encodeURIComponent(sku_id)}`}>all sagas with it</a>
          </p>
        </div>
        {reservations.length === 0 ? (
          <Empty title="Nobody has reserved it yet" />
        ) : (
          <>
            <DataTable
              label="Reservations"
              columns={reservationColumns(frame.now)}
              rows={reservations}
              keyOf={({ saga_id, reservation_id, quantity }) => `${saga_id}${reservation_id}${quantity}`}
              hrefOf={({ saga_id }) => `/sagas/${saga_id}`}
            />
            <div class="table-foot small soft">
              <p>{plural(reservations.length, "line")}</p>
            </div>
          </>
        )}
      </section>
      <p class="small soft">
        On the command line: <CommandLine>{`checkoutctl saga find --sku ${sku_id}`}</CommandLine>
      </p>
    </Page>
  );
}
