// The settings and collaborators of the console. Filled by cmd/console.
import type { Sql } from "postgres";
import type { MigratedDatabase } from "../../schemas/migrations.ts";
import type { TopicReading } from "../../schemas/overview.ts";
import type { Topic } from "../../schemas/topics.ts";
import type { Clock } from "../kernel/ports.ts";
import type { BulkContext } from "../operations/bulk-context.ts";
import type { TopicBrowser } from "../operations/topic-browser.ts";
import type { Actor, Identify } from "./actor.ts";
import type { Collector } from "./collector.ts";
import type { History } from "./history.ts";
import type { IdentityProvider } from "./identity-provider.ts";
import type { Flows } from "./oidc-flow.ts";
import type { ClaimRules } from "./oidc-person.ts";
import type { Sessions } from "./session.ts";

export interface ConsoleOptions {
  readonly databases: Readonly<Record<MigratedDatabase, Sql>>;
  readonly orchestratorUrl: string;
  /** For plans and runs of dead letters. */
  readonly bulk: BulkContext;
  readonly identify: Identify;
  readonly topics: TopicAccess;
  /** Null if everybody signs in with a token. */
  readonly oidc: CompanySignIn | null;
  readonly sessions: Sessions;
  readonly collector: Collector;
  /** Where a person looks at this trace; null if nobody has said. */
  readonly traceUrlOf: (traceId: string) => string | null;
  readonly history: History;
  /** Nobody may act here, whatever their role. */
  readonly isReadOnly: boolean;
  /** The console's public address, without a slash at the end. Without it, the Host header is its name. */
  readonly publicUrl?: string | undefined;
  /** The client's address, for the audit trail; null if it is not known. */
  readonly addressOf: (request: Request) => string | null;
  /** Aborts when the process begins to stop: open streams end then. */
  readonly stopping: AbortSignal;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly counts: ConsoleCounts;
  /** What the log keeps beside the audit trail, whose database may be away. */
  readonly onAct: (fields: Readonly<Record<string, unknown>>, text: string) => void;
  /** Called with errors that operators should see. */
  readonly onError: (error: unknown, request: Request) => void;
}

/** Sign-in at the company's identity provider. */
export interface CompanySignIn {
  readonly provider: IdentityProvider;
  readonly flows: Flows;
  readonly rules: ClaimRules;
  /** A token with which a service lets this person act, for minutes: they have none of their own. */
  readonly tokenFor: (actor: Actor) => Promise<string>;
}

/** Topics are only read. */
export interface TopicAccess {
  readonly readingOf: (topic: Topic) => Promise<TopicReading>;
  readonly browser: TopicBrowser;
}

export interface ConsoleCounts {
  readonly page: (page: string, status: number) => void;
  readonly signIn: (result: "ok" | "refused") => void;
  readonly refused: (reason: "role" | "read_only" | "origin") => void;
  /** Event streams that are open now. */
  readonly streams: (open: number) => void;
}
