// The list of sagas, newest first, with its filter in the address. A wrong filter is an error and never left out: a list of other sagas than the
// ones asked for leads to wrong acts.
import { SAGA_STATUSES } from "../../../schemas/http.ts";
import { countText, plural } from "../../kernel/counted.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import {
  formatSagaQuery,
  SAGA_STEPS,
  type SagaQuery,
  type SagaQueryFault,
} from "../../operations/saga-query.ts";
import { MAX_PRODUCTS, type Products, type SagaPage } from "../../operations/saga-search.ts";
import { CommandLine, Empty, Notice, shellArgument } from "../parts/bits.tsx";
import { Choice, Field } from "../parts/field.tsx";
import { FindShopper } from "../parts/find-shopper.tsx";
import { Page } from "../parts/layout.tsx";
import { type Shoppers, sagaColumns } from "../parts/saga-columns.tsx";
import { DataTable, Exports } from "../parts/table.tsx";
import { SavedViews, ViewsScript } from "../parts/views.tsx";
import type { Frame } from "../visit.ts";

interface Props {
  readonly frame: Frame;
  /** As it stands in the address. */
  readonly given: URLSearchParams;
  /** Null if a filter is wrong. */
  readonly query: SagaQuery | null;
  readonly faults: readonly SagaQueryFault[];
  /** Null if a filter is wrong. */
  readonly found: SagaPage | null;
  /** The address of the next page; null on the last one. */
  readonly older: string | null;
  /** Masked, of the listed sagas; null for those who may not see them. */
  readonly shoppers: Shoppers | null;
}

export function Sagas(props: Props) {
  const { frame, faults, found } = props;
  return (
    <Page frame={frame} title="Sagas" current="sagas" head={<ViewsScript nonce={frame.nonce} />}>
      <div class="page-head">
        <h1>Sagas</h1>
        <div class="buttons">
          <FindShopper frame={frame} />
          {found === null ? null : <Exports here={frame.here} />}
        </div>
      </div>
      <Filter {...props} />
      {found === null ? null : <SavedViews actor={frame.actor} />}
      {faults.length === 0 ? null : (
        <Notice tone="bad">
          <p>Nothing is listed, because the filter is wrong:</p>
          <ul>
            {faults.map(({ name, message }) => (
              <li key={name}>{inLabels(message)}</li>
            ))}
          </ul>
        </Notice>
      )}
      {found === null ? null : <Found {...props} found={found} />}
    </Page>
  );
}

function Found({ frame, found, query, older, given, shoppers }: Props & { readonly found: SagaPage }) {
  const { sagas, missing, searched_to, products } = found;
  if (missing.length > 0)
    return (
      <Notice tone="warn">
        <p>
          Nothing can be listed, which says nothing about sagas:{" "}
          {missing
            .map(({ database, reason }) => `the ${database} database does not answer (${reason})`)
            .join(", ")}
          .
        </p>
      </Notice>
    );
  if (products?.too_many === true) return <TooManyProducts products={products} query={query ?? {}} />;
  const further =
    older === null ? null : <a href={older}>{searched_to === null ? "Older" : "Look further back"}</a>;
  return (
    <div class="card">
      {products === null ? null : <Understood products={products} query={query ?? {}} />}
      {sagas.length === 0 ? (
        <Nothing isFiltered={isFiltered(query)} isLater={given.has("after")} searchedTo={searched_to} />
      ) : (
        <DataTable
          label="Sagas"
          columns={sagaColumns(frame.now, shoppers)}
          rows={sagas}
          keyOf={({ saga_id }) => saga_id}
          hrefOf={({ saga_id }) => `/sagas/${saga_id}`}
        />
      )}
      <div class="table-foot small soft">
        <p role="status">{totalText(found)}</p>
        {further}
        <CommandLine>{commandOf(query ?? {})}</CommandLine>
      </div>
    </div>
  );
}

interface ProductsProps {
  readonly products: Products;
  readonly query: SagaQuery;
}

/** What the words of a name were taken for: whoever reads the list must know which products are in it. */
function Understood({ products, query }: ProductsProps) {
  const { product = "" } = query;
  if (products.found.length === 0)
    return (
      <p class="small">
        No product of the catalogue has {quoted(product)} in its name, in any language, or as its SKU. One
        that was renamed since is found by its SKU.
      </p>
    );
  return (
    <p class="small">
      {quoted(product)} is in the catalogue: <ProductLinks products={products} query={query} />
    </p>
  );
}

function TooManyProducts({ products, query }: ProductsProps) {
  return (
    <Notice tone="warn">
      <p>
        Nothing is listed, which says nothing about sagas: more than {MAX_PRODUCTS} products have{" "}
        {quoted(query.product ?? "")} in their names. Say more of the name, or choose one. The first{" "}
        {products.found.length}: <ProductLinks products={products} query={query} />
      </p>
    </Notice>
  );
}

function quoted(text: string): string {
  return `\u201c${text}\u201d`;
}

/** Each leads to the same search with this product only. */
function ProductLinks({ products: { found }, query }: ProductsProps) {
  const hrefOf = (sku: string) => `/sagas?${formatSagaQuery({ ...query, product: undefined, sku })}`;
  return (
    <>
      {found.map(({ sku_id, name, also_called }, index) => (
        <span key={sku_id}>
          {index === 0 ? "" : ", "}
          {name}
          {also_called === null ? "" : ` (${also_called})`}{" "}
          <a class="mono" href={hrefOf(sku_id)}>
            {sku_id}
          </a>
        </span>
      ))}
    </>
  );
}

function totalText({ sagas, total, searched_to }: SagaPage): string {
  const to =
    searched_to === null
      ? ""
      : `, looked back to ${timestampOf(searched_to).slice(0, 16).replace("T", " ")} UTC`;
  if (total === null) return `${plural(sagas.length, "saga")} on this page${to}`;
  return `${countText(total.count)}${total.at_least ? "+" : ""} ${total.count === 1 ? "saga" : "sagas"}, newest first${to}`;
}

function isFiltered(query: SagaQuery | null): boolean {
  return query !== null && formatSagaQuery(query).size > 0;
}

const MORE = [
  ["user", "Shopper's id"],
  ["order", "Order's id"],
  ["payment", "Payment's id"],
  ["refund", "Refund's id"],
  ["reservation", "Reservation's id"],
  ["provider_id", "Provider's id"],
  ["sku", "Product (SKU)"],
  ["client_key", "Idempotency-Key"],
  ["min_cents", "Total from, in cents"],
  ["max_cents", "Total to, in cents"],
  ["updated_after", "Updated from (UTC)"],
  ["updated_before", "Updated until (UTC)"],
  ["stuck_seconds", "Not moved for seconds"],
  ["min_resends", "Resent at least"],
  ["table_version", "Saga table"],
] as const;
/** What a shopper on the phone knows. */
const FIRST = [
  ["product", "Product's name"],
  ["created_after", "Started from (UTC)"],
  ["created_before", "Started until (UTC)"],
] as const;
const LABELS: ReadonlyMap<string, string> = new Map([
  ...FIRST,
  ...MORE,
  ["failure_code", "Failure code"],
  ["currency", "Currency"],
]);

/** With fields called as in the form: one at the beginning of the sentence, or two that do not fit together. */
function inLabels(message: string): string {
  return message.replaceAll(/^\w+|\w+_\w+/g, (name) => LABELS.get(name) ?? name);
}

/** Folded away while they are not in use, so that the list begins on the first screen. */
const SELDOM = [
  "failure_code",
  "currency",
  "step",
  "needs_operator",
  "status",
  ...MORE.map(([name]) => name),
];

function Filter({ given, query }: Props) {
  const isUsed = (name: string) => (given.get(name) ?? "") !== "";
  const control = (name: string) => <Control key={name} name={name} given={given} />;
  return (
    <form class="card filter" aria-label="Filter">
      <div class="filters">
        {[...FIRST.map(([name]) => name), ...SELDOM.filter(isUsed)].map(control)}
        <div class="buttons">
          <button class="button quiet">Show</button>
          {isFiltered(query) || query === null ? <a href="/sagas">clear</a> : null}
        </div>
      </div>
      <details>
        <summary>More filters</summary>
        <div class="filters more">{SELDOM.filter((name) => !isUsed(name)).map(control)}</div>
        <p class="small soft">
          Times as 2026-11-29T12:00:00Z, or whole days as 2026-11-29, in UTC. All filters must hold.
        </p>
      </details>
    </form>
  );
}

function Control({ name, given }: { readonly name: string } & Pick<Props, "given">) {
  const value = given.get(name) ?? "";
  if (name === "status") return <Statuses chosen={new Set(value.split(","))} />;
  if (name === "step") return <Choice name={name} label="Step" options={SAGA_STEPS} value={value} />;
  if (name === "needs_operator")
    return (
      <label class="check">
        <input type="checkbox" name={name} value="1" checked={value === "1"} /> needs an operator
      </label>
    );
  return (
    <Field
      name={name}
      label={LABELS.get(name) ?? name}
      value={value}
      isShort={name === "currency"}
      placeholder={
        name === "product" ? "in any language" : name.startsWith("created_") ? "e.g. 2026-11-29" : undefined
      }
    />
  );
}

function Statuses({ chosen }: { readonly chosen: ReadonlySet<string> }) {
  return (
    <fieldset class="checks">
      <legend>Status</legend>
      {SAGA_STATUSES.map((status) => (
        <label key={status} class="check">
          <input type="checkbox" name="status" value={status} checked={chosen.has(status)} /> {status}
        </label>
      ))}
    </fieldset>
  );
}

function Nothing({
  isFiltered: isNarrow,
  isLater,
  searchedTo,
}: {
  readonly isFiltered: boolean;
  readonly isLater: boolean;
  readonly searchedTo: number | null;
}) {
  if (searchedTo !== null)
    return <Empty title="Nothing yet: there are older sagas that were not looked at" />;
  if (isNarrow || isLater)
    return (
      <Empty title={isLater ? "There are no older ones" : "No saga matches this filter"}>
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

/** The options of `checkoutctl saga find` that are not called as in the address. */
const OPTIONS: Readonly<Record<string, string>> = {
  client_key: "key",
  failure_code: "failure",
  created_after: "since",
  created_before: "until",
  updated_after: "updated-since",
  updated_before: "updated-until",
  min_resends: "resent",
  table_version: "table",
};

/** The same search on the command line. */
export function commandOf(query: SagaQuery): string {
  const options = [...formatSagaQuery(query)].map(([name, text]) => {
    if (name === "needs_operator") return "--needs-operator";
    if (name === "stuck_seconds") return `--stuck ${stuckText(Number(text))}`;
    return `--${OPTIONS[name] ?? name.replaceAll("_", "-")} ${shellArgument(text)}`;
  });
  return ["checkoutctl saga find", ...options].join(" ");
}

/** checkoutctl takes six digits. Eleven days and more are whole minutes there. */
function stuckText(seconds: number): string {
  return seconds > 999_999 ? `${Math.floor(seconds / 60)}m` : `${seconds}s`;
}
