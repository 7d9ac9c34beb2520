// The twenty traps of a checkout, by name: what the obvious version gets wrong, and the mutant that is the obvious version.
// The test that closes a trap is the one that catches its mutant, and that it does so is run, not claimed. Read by main.ts
// (`bun run mutation --list`).
import { assert } from "../../kernel/errors.ts";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";

export interface Trap {
  readonly title: string;
  /** Why the version that comes to mind first breaks. */
  readonly naive: string;
  /** Id of the mutant that is this version. */
  readonly mutant: string;
}

export const TRAPS: readonly Trap[] = [
  {
    title: "produce-after-insert crash",
    naive:
      "The row is committed, then its message is produced. A crash in between leaves a checkout that was promised and never moves.",
    mutant: "row-without-command",
  },
  {
    title: "TTL during charge",
    naive:
      "The hold expires while the provider still thinks, its stock goes to somebody else, and the paid order is confirmed all the same.",
    mutant: "expired-hold-confirmed",
  },
  {
    title: "deadline against late success",
    naive:
      "The deadline undoes what has answered. The charge that has not is answered a second later, and nobody gives it back.",
    mutant: "deadline-trusts-silence",
  },
  {
    title: "duplicate PaymentFailed after COMPENSATED",
    naive:
      "The event is handled wherever the saga stands, so its second copy compensates a saga that is finished.",
    mutant: "terminal-state-moves",
  },
  {
    title: "stock update matching 0 rows",
    naive:
      "`update .. where available_count >= quantity` matches nothing, nobody looks at the row count, and the reservation is inserted.",
    mutant: "update-of-no-row",
  },
  {
    title: "Redis loss with redelivery",
    naive:
      "What was handled is remembered in Redis alone. Redis is flushed, Kafka delivers again, and it happens again.",
    mutant: "redis-decides",
  },
  {
    title: "breaker after unknown attempt",
    naive:
      "The open breaker answers PaymentFailed at once, also for the payment whose first attempt timed out and took the money.",
    mutant: "breaker-fails-the-attempted",
  },
  {
    title: "provider 'not found' while in flight",
    naive:
      "The provider's search does not know the charge yet, which is taken for proof that there was none.",
    mutant: "not-found-is-never",
  },
  {
    title: "key forgotten after 24 h",
    naive:
      "The charge is asked again with its key, which the provider has forgotten: it charges a second time.",
    mutant: "key-past-its-life",
  },
  {
    title: "release before reserve",
    naive:
      "The release finds nothing and does nothing. Then the late reserve comes and holds stock that nobody releases.",
    mutant: "early-release-forgotten",
  },
  {
    title: "crash between commit and Redis set",
    naive:
      "The effect is committed, the process dies, the mark in Redis is never set, and the redelivery is new again.",
    mutant: "seen-is-only-in-redis",
  },
  {
    title: "Redis TTL shorter than Kafka retention",
    naive:
      "Ids are remembered for a day. A consumer that is reset, or a dead letter that is replayed, brings older ones.",
    mutant: "inbox-as-short-as-redis",
  },
  {
    title: "several relays reordering one saga",
    naive:
      "The cancel overtakes the charge on its way through another relay, finds no payment, and the charge that follows takes the money.",
    mutant: "early-cancel-forgotten",
  },
  {
    title: "double restock by sweeper and release",
    naive:
      "The sweeper gives the stock of an expired hold back, then the saga's release gives it back again.",
    mutant: "expired-stock-released-again",
  },
  {
    title: "DLQ versus deadline",
    naive:
      "A command in the dead-letter queue counts as refused and its step is not undone. An operator replays it, and it takes effect.",
    mutant: "dead-letter-decides",
  },
  {
    title: "retry sleeping in the partition",
    naive: "The failed message is slept on, 1 s, 5 s, 25 s, while thousands of others wait behind it.",
    mutant: "retry-in-the-partition",
  },
  {
    title: "multi-SKU deadlock",
    naive: "Stock is locked in the order of the cart: tea then cup waits for cup then tea.",
    mutant: "locks-in-cart-order",
  },
  {
    title: "refund failing for an hour",
    naive: "The refund is given up after some attempts, and the shopper's money stays.",
    mutant: "refund-gives-up",
  },
  {
    title: "Kafka wiped",
    naive:
      "Events are deleted from the outbox once Kafka has them. Kafka loses its disks, and nothing can be said again.",
    mutant: "outbox-emptied",
  },
  {
    title: "backlog longer than the TTL",
    naive:
      "Everything is accepted. Behind a backlog that takes longer than the deadline each checkout is undone before its turn comes: nobody is served, and all hear so half a minute later.",
    mutant: "everything-admitted",
  },
];

export function mutantOf({ mutant, title }: Trap): Mutant {
  const found = MUTANTS.find(({ id }) => id === mutant);
  assert(found !== undefined, `the trap "${title}" names the mutant ${mutant}, which does not exist`);
  return found;
}

/** The registry for people. */
export function describeTraps(): string {
  return TRAPS.map((trap, index) => {
    const { layer, file, test = "any test of the file" } = mutantOf(trap).caughtBy;
    return `${index + 1}. ${trap.title}\n   ${trap.naive}\n   closed by ${layer}: ${file}, "${test}"\n   seeded as ${trap.mutant}`;
  }).join("\n");
}
