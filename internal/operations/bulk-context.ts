// What a bulk act needs from outside. checkoutctl and an operators' console fill it.
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import type { Clock } from "../kernel/ports.ts";
import type { DeadLetterBatches } from "./dead-letters.ts";
import type { Databases } from "./replay-facts.ts";
import type { Objection } from "./replay-plan.ts";

export interface BulkContext {
  /** The saga database, which keeps plans, runs and the audit trail. */
  readonly saga: Sql;
  /** All four. Opened only for a replay, so that a discard works while another database is away. */
  readonly databases: () => Promise<Databases>;
  /** One of them. Opened only when it is needed, as above. */
  readonly database: (name: DatabaseName) => Promise<Sql>;
  /** Reads the whole dead-letter topic. */
  readonly readDeadLetters: () => DeadLetterBatches;
  /** `objectionToReplay` of the orchestrator. */
  readonly objection: Objection;
  readonly clock: Clock;
  /** UUIDv7. */
  readonly newId: () => string;
}
