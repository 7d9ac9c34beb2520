// The settings and collaborators of the console. Filled by cmd/console.
import type { Sql } from "postgres";
import type { MigratedDatabase } from "../../schemas/migrations.ts";
import type { Topic } from "../../schemas/topics.ts";
import type { Clock, RawMessage } from "../kernel/ports.ts";
import type { BulkContext } from "../operations/bulk-context.ts";
import type { Actor, IdentifiedActor, Identify } from "./actor.ts";
import type { Collector } from "./collector.ts";
import type { IdentityProvider } from "./identity-provider.ts";
import type { Sessions } from "./session.ts";

export interface ConsoleOptions {
  readonly databases: Readonly<Record<MigratedDatabase, Sql>>;
  readonly orchestratorUrl: string;
  /** For plans and runs of dead letters. */
  readonly bulk: BulkContext;
  readonly identify: Identify;
  /** The newest messages of a topic, at most so many of each partition. */
  readonly browse: (topic: Topic, perPartition: number) => AsyncIterable<MessageBatch>;
  /** Null if everybody signs in with a token. `mint` makes the person's own token. */
  readonly oidc: {
    readonly provider: IdentityProvider;
    readonly mint: (actor: Actor, now: number) => Promise<IdentifiedActor>;
  } | null;
  readonly sessions: Sessions;
  readonly collector: Collector;
  /** Where a person looks at this trace; null if nobody has said. */
  readonly traceUrlOf: (traceId: string) => string | null;
  /** Nobody may act here, whatever their role. */
  readonly isReadOnly: boolean;
  /** The console's public address, without a slash at the end. Without it, the Host header is its name. */
  readonly publicUrl?: string | undefined;
  /** The client's address, for the audit trail. */
  readonly addressOf: (request: Request) => string;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly counts: ConsoleCounts;
  /** What the log keeps beside the audit trail, whose database may be away. */
  readonly onAct: (fields: Readonly<Record<string, unknown>>, text: string) => void;
  /** Called with errors that operators should see. */
  readonly onError: (error: unknown, request: Request) => void;
}

/** Valid until the next one is asked for. */
export interface MessageBatch {
  readonly values: readonly unknown[];
  readonly undecodable: readonly RawMessage[];
  /** Of `values[index]`. */
  raw(index: number): RawMessage;
}

export interface ConsoleCounts {
  readonly page: (page: string, status: number) => void;
  readonly signIn: (result: "ok" | "refused") => void;
  readonly refused: (reason: "role" | "read_only" | "origin") => void;
  /** Open event streams. */
  readonly streams: (change: 1 | -1) => void;
}
