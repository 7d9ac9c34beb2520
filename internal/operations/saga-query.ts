// What sagas are searched by, and the query string of it: in the console the filters are the URL. Pure. Used by saga-search.ts, the
// console and `checkoutctl saga find`.
import { SAGA_STATUSES, type SagaStatus } from "../../schemas/http.ts";
import { epochMsOf, timestampOf } from "../kernel/timestamp.ts";
import { UUID } from "../kernel/uuid.ts";

export const SAGA_STEPS = ["reserve", "charge", "authorize", "confirm", "capture", "order"] as const;
export type SagaStep = (typeof SAGA_STEPS)[number];

/** All criteria must hold; an absent one matches everything. Times are epoch ms, amounts minor units of the saga's currency. */
export interface SagaQuery {
  readonly user?: string | undefined;
  readonly order?: string | undefined;
  readonly payment?: string | undefined;
  readonly refund?: string | undefined;
  readonly reservation?: string | undefined;
  /** The payment provider's id of a charge or refund. */
  readonly provider_id?: string | undefined;
  /** A product that the saga reserved; it may have been released since. */
  readonly sku?: string | undefined;
  /** Words of a product's name in any of the catalogue's languages, or its SKU: one of the products that they name, as `sku`. */
  readonly product?: string | undefined;
  readonly client_key?: string | undefined;
  /** Any of these. */
  readonly status?: readonly SagaStatus[] | undefined;
  /** The step in progress or the last one; while a saga is undone, the step that is being undone. */
  readonly step?: SagaStep | undefined;
  /** Of this version of the saga table. */
  readonly table_version?: number | undefined;
  readonly failure_code?: string | undefined;
  readonly currency?: string | undefined;
  /** Both inclusive. Sagas whose total is not known yet do not match. */
  readonly min_cents?: number | undefined;
  readonly max_cents?: number | undefined;
  /** `after` is inclusive, `before` is not. */
  readonly created_after?: number | undefined;
  readonly created_before?: number | undefined;
  readonly updated_after?: number | undefined;
  readonly updated_before?: number | undefined;
  /** In progress, and not moved for this many seconds. Undos that were sent again are not progress, waiting for the shopper is not stuck. */
  readonly stuck_seconds?: number | undefined;
  /** True: in progress and waiting for an operator. */
  readonly needs_operator?: true | undefined;
  /** An undo was sent again at least this often. */
  readonly min_resends?: number | undefined;
}

/** Undefined for text that is no value of this kind. */
type Read<Value> = (text: string) => Value | undefined;

/** A kind of values. */
interface Kind<Value> {
  readonly read: Read<Value>;
  readonly write: (value: Value) => string;
  /** What a value looks like, for errors. */
  readonly form: string;
}

interface Field {
  readonly form: string;
  /** A query with this criterion alone; undefined for text that is no value of it. */
  readonly parse: (text: string) => SagaQuery | undefined;
  /** Undefined if the query does not have it. */
  readonly format: (query: SagaQuery) => string | undefined;
}

/** Longer than any time that a saga is stuck, and short enough to be subtracted from any date. */
const MAX_STUCK_SECONDS = 366 * 86_400;
const DAY_MS = 86_400_000;
export const INSTANT_FORM =
  "a time such as 2026-11-23T12:00:00Z, or 2026-11-23 12:00 in UTC, or a day in UTC such as 2026-11-23";
const MAX_PRODUCT_LENGTH = 100;
/** Of Postgres' `integer`. */
const MAX_INTEGER = 2 ** 31 - 1;

const KINDS = {
  uuid: kind(matching(UUID), String, "a UUID in lower case"),
  cents: kind(wholeNumber(0), String, "a whole number of cents (minor units)"),
  from: kind((text) => readTime(text, "from"), timestampOf, INSTANT_FORM),
  until: kind((text) => readTime(text, "until"), timestampOf, INSTANT_FORM),
  providerId: kind(
    matching(/^[A-Za-z0-9_.:-]{1,255}$/),
    String,
    "the provider's id of a charge or refund, such as pi_3Qx",
  ),
  sku: kind(
    matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
    String,
    "a SKU: up to 64 letters, digits, dots, dashes and underscores, such as tea-1",
  ),
  product: kind(
    (text) => productOf(text),
    String,
    "a product's name or some words of it, at most 100 characters, or its SKU",
  ),
  clientKey: kind(matching(/^[\x21-\x7e]{1,200}$/), String, "a key of 1 to 200 visible characters"),
  statuses: kind(statusesOf, (some) => some.join(","), `one or more of ${SAGA_STATUSES.join(", ")}`),
  step: kind((text) => SAGA_STEPS.find((one) => one === text), String, `one of ${SAGA_STEPS.join(", ")}`),
  tableVersion: kind(wholeNumber(1, MAX_INTEGER), String, "a version of the saga table, such as 2"),
  failureCode: kind(matching(/^[A-Za-z][A-Za-z0-9_]{0,99}$/), String, "a code such as CARD_DECLINED"),
  currency: kind(matching(/^[A-Z]{3}$/), String, "a currency such as EUR"),
  seconds: kind(wholeNumber(1, MAX_STUCK_SECONDS), String, "a number of seconds, at most a year"),
  flag: kind(
    (text) => (text === "1" ? (true as const) : undefined),
    () => "1",
    "1, or absent",
  ),
  resends: kind(wholeNumber(1, MAX_INTEGER), String, "a whole number of at least 1"),
};

/** By name in the query string, in its order there. */
export const SAGA_QUERY_FIELDS: Readonly<Record<keyof SagaQuery, Field>> = {
  user: field(
    KINDS.uuid,
    (user) => ({ user }),
    ({ user }) => user,
  ),
  order: field(
    KINDS.uuid,
    (order) => ({ order }),
    ({ order }) => order,
  ),
  payment: field(
    KINDS.uuid,
    (payment) => ({ payment }),
    ({ payment }) => payment,
  ),
  refund: field(
    KINDS.uuid,
    (refund) => ({ refund }),
    ({ refund }) => refund,
  ),
  reservation: field(
    KINDS.uuid,
    (reservation) => ({ reservation }),
    ({ reservation }) => reservation,
  ),
  provider_id: field(
    KINDS.providerId,
    (provider_id) => ({ provider_id }),
    ({ provider_id }) => provider_id,
  ),
  sku: field(
    KINDS.sku,
    (sku) => ({ sku }),
    ({ sku }) => sku,
  ),
  product: field(
    KINDS.product,
    (product) => ({ product }),
    ({ product }) => product,
  ),
  client_key: field(
    KINDS.clientKey,
    (client_key) => ({ client_key }),
    ({ client_key }) => client_key,
  ),
  status: field(
    KINDS.statuses,
    (status) => ({ status }),
    ({ status }) => status,
  ),
  step: field(
    KINDS.step,
    (step) => ({ step }),
    ({ step }) => step,
  ),
  table_version: field(
    KINDS.tableVersion,
    (table_version) => ({ table_version }),
    ({ table_version }) => table_version,
  ),
  failure_code: field(
    KINDS.failureCode,
    (failure_code) => ({ failure_code }),
    ({ failure_code }) => failure_code,
  ),
  currency: field(
    KINDS.currency,
    (currency) => ({ currency }),
    ({ currency }) => currency,
  ),
  min_cents: field(
    KINDS.cents,
    (min_cents) => ({ min_cents }),
    ({ min_cents }) => min_cents,
  ),
  max_cents: field(
    KINDS.cents,
    (max_cents) => ({ max_cents }),
    ({ max_cents }) => max_cents,
  ),
  created_after: field(
    KINDS.from,
    (created_after) => ({ created_after }),
    ({ created_after }) => created_after,
  ),
  created_before: field(
    KINDS.until,
    (created_before) => ({ created_before }),
    ({ created_before }) => created_before,
  ),
  updated_after: field(
    KINDS.from,
    (updated_after) => ({ updated_after }),
    ({ updated_after }) => updated_after,
  ),
  updated_before: field(
    KINDS.until,
    (updated_before) => ({ updated_before }),
    ({ updated_before }) => updated_before,
  ),
  stuck_seconds: field(
    KINDS.seconds,
    (stuck_seconds) => ({ stuck_seconds }),
    ({ stuck_seconds }) => stuck_seconds,
  ),
  needs_operator: field(
    KINDS.flag,
    (needs_operator) => ({ needs_operator }),
    ({ needs_operator }) => needs_operator,
  ),
  min_resends: field(
    KINDS.resends,
    (min_resends) => ({ min_resends }),
    ({ min_resends }) => min_resends,
  ),
};

export interface SagaQueryFault {
  readonly name: string;
  readonly message: string;
}

/** A wrong filter is a fault and never left out: a filter that is dropped would list, and perhaps act on, other sagas. */
export type ReadSagaQuery = { readonly query: SagaQuery } | { readonly faults: readonly SagaQueryFault[] };

/** From a query string. `others` are names that the page uses for itself, such as its cursor. An empty value counts as absent, as a form sends it. */
export function parseSagaQuery(given: URLSearchParams, others: readonly string[] = []): ReadSagaQuery {
  const query: SagaQuery = {};
  const faults: SagaQueryFault[] = [];
  for (const [name, text] of given) {
    if (others.includes(name) || text === "") continue;
    const one = isField(name) ? SAGA_QUERY_FIELDS[name] : undefined;
    const parsed = one?.parse(text);
    if (one === undefined) faults.push({ name, message: `there is no filter ${name}` });
    else if (name in query) faults.push({ name, message: `${name} is given twice` });
    else if (parsed === undefined) faults.push({ name, message: `${name} must be ${one.form}` });
    else Object.assign(query, parsed);
  }
  const found = faults.length > 0 ? faults : contradictionsOf(query);
  return found.length > 0 ? { faults: found } : { query };
}

/** The query string of the same query, always in the same order. */
export function formatSagaQuery(query: SagaQuery): URLSearchParams {
  const written = new URLSearchParams();
  for (const [name, { format }] of Object.entries(SAGA_QUERY_FIELDS)) {
    const text = format(query);
    if (text !== undefined) written.set(name, text);
  }
  return written;
}

/** Ranges that no saga can be in. */
export function contradictionsOf(query: SagaQuery): readonly SagaQueryFault[] {
  const faults: SagaQueryFault[] = [];
  const { min_cents = 0, max_cents = Infinity } = query;
  if (min_cents > max_cents)
    faults.push({ name: "max_cents", message: "max_cents must not be below min_cents" });
  for (const what of ["created", "updated"] as const) {
    const after = query[`${what}_after`] ?? -Infinity;
    const before = query[`${what}_before`] ?? Infinity;
    if (after >= before)
      faults.push({ name: `${what}_before`, message: `${what}_before must be later than ${what}_after` });
  }
  return faults;
}

function isField(name: string): name is keyof SagaQuery {
  return Object.hasOwn(SAGA_QUERY_FIELDS, name);
}

function kind<Value>(read: Read<Value>, write: (value: Value) => string, form: string): Kind<Value> {
  return { read, write, form };
}

function field<Value>(
  { read, write, form }: Kind<Value>,
  set: (value: Value) => SagaQuery,
  get: (query: SagaQuery) => Value | undefined,
): Field {
  return {
    form,
    parse: (text) => {
      const value = read(text);
      return value === undefined ? undefined : set(value);
    },
    format: (query) => {
      const value = get(query);
      return value === undefined ? undefined : write(value);
    },
  };
}

function matching(pattern: RegExp): Read<string> {
  return (text) => (pattern.test(text) ? text : undefined);
}

function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): Read<number> {
  return (text) => {
    const value = Number(text);
    return /^\d{1,16}$/.test(text) && value >= least && value <= most ? value : undefined;
  };
}

/** Epoch ms at which a range begins or ends; undefined for text that is no INSTANT_FORM. */
export const readFrom = KINDS.from.read;
export const readUntil = KINDS.until.read;

/** Epoch ms of RFC 3339 with a time zone; undefined for anything else. */
export function instantOf(text: string): number | undefined {
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(text)
    ? epochMsOf(text)
    : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** How long a time lasts, by its length: a day without one, a minute, a second, a millisecond. */
const LASTS_MS: Readonly<Record<number, number>> = { 0: DAY_MS, 5: 60_000, 8: 1_000, 12: 1 };

/**
 * Also as pages print times, which is UTC: `2026-11-23 12:04`, with seconds or without, also with ` UTC` at the end. As the end of a range such
 * a time, or a day, includes its last moment.
 */
function readTime(text: string, as: "from" | "until"): number | undefined {
  const exact = instantOf(text);
  if (exact !== undefined) return exact;
  // One with a T is refused: it is from a program that has forgotten the time zone.
  const [, day = "", time = ""] =
    /^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d(?::\d\d(?:\.\d{3})?)?)(?: UTC)?)?$/.exec(text) ?? [];
  const lasts = LASTS_MS[time.length];
  if (day === "" || lasts === undefined) return undefined;
  const plain = `${day}T${time}${"00:00:00.000".slice(time.length)}Z`;
  const at = epochMsOf(plain);
  // Some read the 30th of February as a day in March.
  if (Number.isNaN(at) || timestampOf(at) !== plain) return undefined;
  return as === "from" ? at : at + lasts;
}

/** Without a letter or digit it would name every product, and control characters are in no name. */
function productOf(text: string): string | undefined {
  const words = text.trim().replaceAll(/\s+/g, " ");
  return words.length <= MAX_PRODUCT_LENGTH && /[\p{L}\p{N}]/u.test(words) && !/\p{Cc}/u.test(words)
    ? words
    : undefined;
}

function statusesOf(text: string): readonly SagaStatus[] | undefined {
  const given = text.toUpperCase().split(",");
  const known = SAGA_STATUSES.filter((status) => given.includes(status));
  return known.length === new Set(given).size ? known : undefined;
}
