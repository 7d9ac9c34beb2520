// The explored model: world, actions and invariants. Called by main.ts and the tests.
import { assert } from "../../kernel/errors.ts";
import type { Saga } from "../../orchestrator/state.ts";
import { successors } from "./actions.ts";
import { violationsOfCompleted } from "./cancelling.ts";
import type { Model } from "./explore.ts";
import type { Rules } from "./rules.ts";
import { CALM, type Tables } from "./scenarios.ts";
import {
  type Account,
  type Budget,
  initialWorld,
  keyOf,
  keyWithInbox,
  type ProviderName,
  type Rows,
  STOCKED,
  type World,
} from "./world.ts";

export interface ModelOptions {
  /** The table of the saga of each checkout. */
  readonly tables: Tables;
  readonly budget: Budget;
  readonly rules: Rules;
  /** The price of the one SKU. Default: 100, above the least amount that can be charged. */
  readonly priceCents?: number;
  /** The shoppers are present, and the bank wants each charge confirmed. Default: neither. */
  readonly isConfirmed?: boolean;
  /** The provider of each checkout. Default: stripe. */
  readonly providers?: readonly ProviderName[];
  /** Begins when the checkouts are completed, without a fault until then. Default: when they are placed. */
  readonly isCompleted?: boolean;
}

export function checkoutModel({
  tables,
  budget,
  rules,
  priceCents = 100,
  isConfirmed = false,
  providers = [],
  isCompleted = false,
}: ModelOptions): Model<World> {
  const placed = initialWorld(tables, isCompleted ? CALM : budget, priceCents, isConfirmed, providers);
  return {
    initial: isCompleted ? { ...completed(placed, rules), left: budget } : placed,
    successors: (world) => successors(world, rules),
    key: rules.inbox ? keyWithInbox : keyOf,
    violations,
    isEnd,
  };
}

/** What happens to a checkout that nothing disturbs. */
const UNDISTURBED =
  /^(?:deliver \S+$|claim of saga|provider executes \((?:money moves|money is held)\)|answer to)/;

/** The world in which every checkout is completed and nothing is in progress. */
function completed(placed: World, rules: Rules): World {
  for (let world = placed; ;) {
    if (isEnd(world)) return world;
    const next = successors(world, rules).find(({ action }) => UNDISTURBED.test(action));
    assert(next !== undefined, "an undisturbed checkout completes");
    ({ world } = next);
  }
}

/** True if no saga is open and nothing is in progress. Dead letters do not count: they wait for an operator. */
function isEnd({ sagas, cancellations, inFlight, calls }: World): boolean {
  const isOver = ({ completed_at }: { readonly completed_at: number | null }) => completed_at !== null;
  return (
    inFlight.length === 0 && calls.length === 0 && sagas.every(isOver) && cancellations.flat().every(isOver)
  );
}

function violations(world: World): string[] {
  const { sagas, rows, available, broken, priceCents } = world;
  const found = broken === null ? [] : [broken];
  if (available < 0) found.push("stock is never negative");
  if (available + rows.filter(hasStock).length !== STOCKED)
    found.push("stock = available + held + confirmed");
  sagas.forEach((saga, index) => {
    const own = rows[index];
    if (own !== undefined) found.push(...violationsOf(saga, own, priceCents));
    if (saga.position.kind === "completed")
      found.push(...violationsOfCompleted(world, index, priceCents === 0));
  });
  return found;
}

/** The invariants of one saga: those that always hold, and those of its terminal state. */
function violationsOf({ position, saga_id, table_version }: Saga, rows: Rows, priceCents: number): string[] {
  const { order, payment, account, reservation } = rows;
  const isFree = priceCents === 0;
  const found: string[] = [];
  const must = (holds: boolean, what: string) => {
    if (!holds) found.push(`${saga_id}: ${what}`);
  };
  const netCharges = account.charges - account.refunds;
  must(!isFree || payment === null, "a free checkout has no payment");
  must(account.charges <= 1, "at most one successful charge");
  must(account.holds <= 1, "at most one hold");
  must(
    table_version === 1 || netCharges <= 0 || reservation?.status === "CONFIRMED",
    "money is taken from a hold only while the stock is confirmed",
  );
  must(netCharges >= 0, "refunds never exceed charges");
  must(!hasEnded(position) || !HELD.has(account.charge), "a saga that is over leaves no money held");
  if (position.kind === "compensated") {
    must(
      table_version === 1 || account.charges === 0 || !LOST.has(position.failure.code),
      "lost stock costs the shopper nothing",
    );
    must(!CONFIRMABLE.has(account.charge), "no charge of it can be confirmed any more");
    must(netCharges === 0, "a compensated saga keeps no money");
    must(!hasStock(rows), "a compensated saga holds no stock");
    must(order?.status !== "CONFIRMED", "a compensated saga has no confirmed order");
  }
  return found;
}

const HELD: ReadonlySet<Account["charge"]> = new Set(["held", "in review", "kept"]);
const CONFIRMABLE: ReadonlySet<Account["charge"]> = new Set(["waiting", "refused", "approved"]);

/** Why a saga ends without its stock. */
const LOST = new Set(["RESERVATION_LOST", "RESERVATION_EXPIRED", "INSUFFICIENT_STOCK"]);

function hasEnded({ kind }: Saga["position"]): boolean {
  return kind === "completed" || kind === "compensated";
}

function hasStock({ reservation }: Rows): boolean {
  return reservation?.status === "HELD" || reservation?.status === "CONFIRMED";
}
