// `checkoutctl saga find`: sagas by any criteria, across the four databases.
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import {
  contradictionsOf,
  SAGA_QUERY_FIELDS,
  SAGA_STEPS,
  type SagaQuery,
} from "../../../internal/operations/saga-query.ts";
import type { FoundSaga } from "../../../internal/operations/saga-search-store.ts";
import {
  MAX_PRODUCTS,
  type Products,
  type SagaPage,
  searchSagas,
} from "../../../internal/operations/saga-search.ts";
import { AppError } from "../../../internal/kernel/errors.ts";
import {
  command,
  count,
  duration,
  instant,
  moment,
  money,
  print,
  table,
  uuid,
  wrongUsage,
} from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

/** A page is read into memory and printed at once. */
const MAX_LIMIT = 1_000;

export const findCommand = command(
  "find",
  "find sagas by any criteria, newest first; all given ones must hold",
)
  .option("--user <id>", "of this shopper", uuid)
  .option("--order <id>", "of this order", uuid)
  .option("--payment <id>", "of this payment", uuid)
  .option("--refund <id>", "of this refund", uuid)
  .option("--reservation <id>", "of this reservation", uuid)
  .addOption(
    textOption("--provider-id <id>", "of this charge or refund at the payment provider", "provider_id"),
  )
  .addOption(textOption("--sku <id>", "that reserved this product", "sku"))
  .addOption(
    textOption("--product <text>", "that reserved a product with this name, or words of it", "product"),
  )
  .addOption(textOption("--key <text>", "of this Idempotency-Key of the shopper", "client_key"))
  .addOption(
    new Option("--status <list>", "with this status, or one of several: COMPENSATED,FAILED").argParser(
      (text) => valueOf("status", text, ({ status }) => status),
    ),
  )
  .addOption(
    new Option("--step <step>", "at this step; while it is undone, the step that is being undone").choices(
      SAGA_STEPS,
    ),
  )
  .option("--table <version>", "of this version of the saga table", tableVersion)
  .addOption(
    textOption("--failure <code>", "that failed with this code, for example CARD_DECLINED", "failure_code"),
  )
  .addOption(textOption("--currency <code>", "in this currency", "currency"))
  .option("--min-cents <amount>", "with a total of at least this, in cents (minor units)", cents)
  .option("--max-cents <amount>", "with a total of at most this", cents)
  .option("--since <time>", "created since, RFC 3339 or a duration ago (2h)", moment)
  .option("--until <time>", "created before", moment)
  .option("--updated-since <time>", "last written since", moment)
  .option("--updated-until <time>", "last written before", moment)
  .option("--stuck <duration>", "in progress, and not moved for this long (5m)", duration)
  .option("--needs-operator", "in progress, and waiting for an operator")
  .option("--resent <count>", "whose undo was sent again at least this often", count)
  .option("--limit <count>", `maximum number of sagas, up to ${MAX_LIMIT}`, count, 20)
  .option("--after <cursor>", "the next page: the cursor that the page before printed", uuid)
  .action(async (options) => {
    const { limit, after, since, until, key, failure, resent, stuck } = options;
    const query: SagaQuery = {
      user: options.user,
      order: options.order,
      payment: options.payment,
      refund: options.refund,
      reservation: options.reservation,
      provider_id: options.providerId,
      sku: options.sku,
      product: options.product,
      client_key: key,
      status: options.status,
      step: options.step,
      table_version: options.table,
      failure_code: failure,
      currency: options.currency,
      min_cents: options.minCents,
      max_cents: options.maxCents,
      created_after: since,
      created_before: until,
      updated_after: options.updatedSince,
      updated_before: options.updatedUntil,
      stuck_seconds: stuck,
      needs_operator: options.needsOperator,
      min_resends: resent,
    };
    if (limit > MAX_LIMIT) wrongUsage(`--limit must be at most ${MAX_LIMIT}; --after gives the next page`);
    const [contradiction] = contradictionsOf(query);
    if (contradiction !== undefined)
      wrongUsage(
        `no saga can match: ${(OPTION_OF[contradiction.name] ?? [contradiction.name]).join(" and ")}`,
      );
    await using connections = new Connections(loadSettings(options.stack));
    const page = await searchSagas(connections.opening(), query, { limit, after, now: Date.now() });
    if (page.missing.length > 0)
      throw new AppError("DATABASE_UNAVAILABLE", page.missing.map(({ reason }) => reason).join("; "));
    if (page.products?.too_many === true)
      wrongUsage(
        `--product names more than ${MAX_PRODUCTS} products, so no saga was looked for; say more of the name, or --sku: ` +
          productsText(page.products.found),
      );
    print(options, page, () => pageAsText(page));
  });

const OPTION_OF: Readonly<Record<string, readonly string[]>> = {
  max_cents: ["--min-cents is above --max-cents"],
  created_before: ["--until is not later than --since"],
  updated_before: ["--updated-until is not later than --updated-since"],
};

function textOption<const Flags extends string>(
  flags: Flags,
  what: string,
  name: "provider_id" | "sku" | "product" | "client_key" | "failure_code" | "currency",
) {
  return new Option(flags, what).argParser((text: string): string =>
    valueOf(name, text, (query) => query[name]),
  );
}

function valueOf<Value>(
  name: keyof SagaQuery,
  text: string,
  of: (query: SagaQuery) => Value | undefined,
): Value {
  const { parse, form } = SAGA_QUERY_FIELDS[name];
  const parsed = parse(text);
  const value = parsed === undefined ? undefined : of(parsed);
  if (value === undefined) throw new InvalidArgumentError(`It must be ${form}.`);
  return value;
}

function cents(text: string): number {
  return valueOf("min_cents", text, (query) => query.min_cents);
}

function tableVersion(text: string): number {
  return valueOf("table_version", text, (query) => query.table_version);
}

function pageAsText({ sagas, total, next, searched_to, products }: SagaPage): string {
  const lines = sagas.length === 0 ? ["no saga found"] : [sagaTable(sagas)];
  if (products !== null) lines.unshift(`products: ${productsText(products.found)}`);
  if (total !== null && total.count > 0) {
    const number = total.count.toLocaleString("en");
    lines.push(
      `${number}${total.at_least ? "+" : ""} ${total.count === 1 && !total.at_least ? "saga" : "sagas"}`,
    );
  }
  if (searched_to !== null)
    lines.push(
      `sagas created before ${instant(searched_to)} were not looked at: a shorter time or one more criterion is faster`,
    );
  if (next !== null) lines.push(`more: --after ${next}`);
  return lines.join("\n\n");
}

function productsText(found: Products["found"]): string {
  if (found.length === 0) return "none of the catalogue has such a name";
  return found.map(({ sku_id, name, also_called }) => `${sku_id} (${also_called ?? name})`).join(", ");
}

export function sagaTable(sagas: readonly FoundSaga[]): string {
  return table(
    ["SAGA", "STATUS", "STEP", "FAILURE", "TOTAL", "ITEMS", "CREATED", "UPDATED"],
    sagas.map((saga) => [
      saga.saga_id,
      saga.needs_operator ? `${saga.status}, needs an operator` : saga.status,
      saga.compensation_step === null ? saga.current_step : `undoing ${saga.compensation_step}`,
      saga.failure_code,
      money(saga.total_cents, saga.currency),
      itemsText(saga.items),
      instant(saga.created_at),
      instant(saga.updated_at),
    ]),
  );
}

function itemsText(items: FoundSaga["items"]): string {
  const [first, ...others] = items;
  if (first === undefined) return "-";
  return `${first.quantity} x ${first.sku_id}${others.length === 0 ? "" : ` and ${others.length} more`}`;
}
