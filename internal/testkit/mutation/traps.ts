// The twenty traps of a checkout: how the obvious implementation fails, and the mutant that plants it. The test that closes a trap
// is the one that catches its mutant; the mutation run proves it. Used by main.ts (`bun run mutation --list`).
import { assert } from "../../kernel/errors.ts";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";

export interface Trap {
  readonly title: string;
  /** How the obvious implementation fails. */
  readonly naive: string;
  /** Id of the mutant with the obvious implementation. */
  readonly mutant: string;
}

export const TRAPS: readonly Trap[] = [
  {
    title: "produce-after-insert crash",
    naive:
      "The row is committed, then its message is produced. After a crash in between, the accepted checkout never moves.",
    mutant: "row-without-command",
  },
  {
    title: "TTL during charge",
    naive:
      "The hold expires during the charge, another shopper takes the stock, and the paid order is still confirmed.",
    mutant: "expired-hold-confirmed",
  },
  {
    title: "deadline against late success",
    naive:
      "The deadline only undoes steps that have replied. The charge succeeds a second later and is never refunded.",
    mutant: "deadline-trusts-silence",
  },
  {
    title: "duplicate PaymentFailed after COMPENSATED",
    naive: "The event is handled in every saga state, so its second copy compensates a finished saga.",
    mutant: "terminal-state-moves",
  },
  {
    title: "stock update matching 0 rows",
    naive:
      "`update .. where available_count >= quantity` matches no row, the row count is not checked, and the reservation is inserted.",
    mutant: "update-of-no-row",
  },
  {
    title: "Redis loss with redelivery",
    naive:
      "Only Redis remembers handled messages. Redis is flushed, Kafka redelivers, and the effect happens twice.",
    mutant: "redis-decides",
  },
  {
    title: "breaker after unknown attempt",
    naive:
      "The open breaker replies PaymentFailed at once, even for a payment whose first attempt timed out and took the money.",
    mutant: "breaker-fails-the-attempted",
  },
  {
    title: "provider 'not found' while in flight",
    naive:
      "The provider's search does not find the charge yet, and this counts as proof that there was none.",
    mutant: "not-found-is-never",
  },
  {
    title: "key forgotten after 24 h",
    naive:
      "The charge is requested again with its key, which the provider has forgotten: it charges a second time.",
    mutant: "key-past-its-life",
  },
  {
    title: "release before reserve",
    naive:
      "The release finds nothing and does nothing. Then the late reserve holds stock that is never released.",
    mutant: "early-release-forgotten",
  },
  {
    title: "crash between commit and Redis set",
    naive:
      "The effect is committed, the process dies, the Redis entry is never set, and the redelivery counts as new.",
    mutant: "seen-is-only-in-redis",
  },
  {
    title: "Redis TTL shorter than Kafka retention",
    naive: "Ids are remembered for a day. A reset consumer or a replayed dead letter brings older ones.",
    mutant: "inbox-as-short-as-redis",
  },
  {
    title: "several relays reordering one saga",
    naive:
      "The cancel overtakes the charge through another relay and finds no payment. Then the charge takes the money.",
    mutant: "early-cancel-forgotten",
  },
  {
    title: "double restock by sweeper and release",
    naive: "The sweeper returns the stock of an expired hold, then the saga's release returns it again.",
    mutant: "expired-stock-released-again",
  },
  {
    title: "DLQ versus deadline",
    naive:
      "A dead-lettered command counts as refused and its step is not undone. An operator replays it, and it takes effect.",
    mutant: "dead-letter-decides",
  },
  {
    title: "retry sleeping in the partition",
    naive:
      "The consumer sleeps 1 s, 5 s and 25 s for a failed message, while thousands of others wait behind it.",
    mutant: "retry-in-the-partition",
  },
  {
    title: "multi-SKU deadlock",
    naive: "Stock rows are locked in cart order: tea then cup waits for cup then tea.",
    mutant: "locks-in-cart-order",
  },
  {
    title: "refund failing for an hour",
    naive: "The refund stops after some attempts, and the shopper's money is not returned.",
    mutant: "refund-gives-up",
  },
  {
    title: "Kafka wiped",
    naive:
      "Events are deleted from the outbox once Kafka has them. Kafka loses its disks, and nothing can be published again.",
    mutant: "outbox-emptied",
  },
  {
    title: "backlog longer than the TTL",
    naive:
      "Every checkout is accepted. If the backlog takes longer than the deadline, each checkout is compensated before its turn: no order succeeds, and all shoppers learn it half a minute later.",
    mutant: "everything-admitted",
  },
];

export function mutantOf({ mutant, title }: Trap): Mutant {
  const found = MUTANTS.find(({ id }) => id === mutant);
  assert(found !== undefined, `the trap "${title}" names the mutant ${mutant}, which does not exist`);
  return found;
}

/** The list of traps as text. */
export function describeTraps(): string {
  return TRAPS.map((trap, index) => {
    const { layer, file, test = "any test of the file" } = mutantOf(trap).caughtBy;
    return `${index + 1}. ${trap.title}\n   ${trap.naive}\n   closed by ${layer}: ${file}, "${test}"\n   seeded as ${trap.mutant}`;
  }).join("\n");
}
