// Who may do what on which table: the rights of the database roles, per database. `checkoutctl grants` and `checkoutctl migrate` bring the
// database in line with it. A right is here because a statement of that binary needs it; a table, a column or a function that is not here is closed.
// Roles are named after their database: `saga_app`, `payment_audit`. See docs/adr/0020.
import type { MigratedDatabase } from "./migrations.ts";

/**
 * `app`: the service. `relay`: checkout-relay. `audit`: `checkoutctl audit`, which sees no personal data. `console`: checkout-console, and the
 * daily work of operators with checkoutctl. `owner` owns the tables and cannot log in; `migrator` is a member of it, for `checkoutctl migrate` and
 * for what rebuilds or erases data.
 */
export const GRANTED_ROLES = ["app", "relay", "audit", "console"] as const;
export type GrantedRole = (typeof GRANTED_ROLES)[number];
export const DATABASE_ROLES = ["owner", "migrator", ...GRANTED_ROLES] as const;
export type DatabaseRole = (typeof DATABASE_ROLES)[number];

/** Columns, or all of them: also those that a later migration adds. */
export type Columns = "all" | readonly string[] | { readonly except: readonly string[] };

export interface Rights {
  readonly select?: Columns;
  /** Whole rows. */
  readonly insert?: true;
  readonly update?: Columns;
  readonly delete?: true;
}

export type RightsOnTable = Partial<Readonly<Record<GrantedRole, Rights>>>;

export interface DatabaseGrants {
  /** Tables and views. All are here, also those that nobody but the owner may use. */
  readonly tables: Readonly<Record<string, RightsOnTable>>;
  /** Functions, with the types of their arguments as Postgres writes them. All are here. */
  readonly functions: Readonly<Record<string, readonly GrantedRole[]>>;
  /** Roles that use the database. */
  readonly roles: readonly GrantedRole[];
}

/** Every role checks at its start that it found its own, migrated database. */
const EVERYBODY: RightsOnTable = {
  app: { select: "all" },
  relay: { select: "all" },
  audit: { select: "all" },
  console: { select: "all" },
};

/** Beside the tables of each service; internal/messaging. */
const messaging: DatabaseGrants = {
  roles: GRANTED_ROLES,
  tables: {
    schema_migrations: EVERYBODY,
    schema_owner: EVERYBODY,
    inbox: {
      app: { select: "all", insert: true },
      audit: { select: ["message_id"] },
      console: { select: "all" },
    },
    // The app marks what it published itself. An operator may have a message sent again, never change or add one.
    outbox: {
      app: { select: "all", insert: true, update: ["published", "published_at"] },
      relay: { select: "all", update: ["published", "published_at"] },
      console: { select: "all", update: ["published", "published_at", "created_at"] },
    },
    outbox_effects: { audit: { select: "all" } },
    retry: {
      app: { select: "all", insert: true, update: "all", delete: true },
      audit: { select: ["message_id", "first_failed_at"] },
      console: { select: "all" },
    },
  },
  functions: {
    "uuid_v7_floor(timestamp with time zone)": ["app", "console"],
    "ensure_day_partitions(text,date,integer)": ["app"],
    "drop_day_partitions(text,date)": ["app"],
    "purge_default_partition(text,timestamp with time zone,integer)": ["app"],
    "put_back_events(json)": ["console"],
    "make_day_partitions(text,date,integer)": [],
    "unmake_day_partitions(text,date)": [],
    "unmake_default_rows(text,timestamp with time zone,integer)": [],
    "require_day_partitioned(text)": [],
    "retention_days(text)": [],
    "now_minus_retention(text)": [],
    "vacuum_by_size(text)": [],
  },
};

const SAGA_MOVES = [
  ..."status current_step compensation_step priced_items total_cents payment_method payment_succeeded order_id".split(
    " ",
  ),
  ..."failure_code failure_message needs_operator resend_count deadline_at lines_short action_expires_at".split(
    " ",
  ),
  ..."action_latest_at waited_for_shopper traceparent updated_at completed_at".split(" "),
  // Erased when they are old.
  ..."email shipping_address card".split(" "),
];
const SAGA_FACTS =
  "saga_id status created_at completed_at order_id cart_items priced_items total_cents currency".split(" ");
const PAYMENT_MOVES = [
  ..."payment_method provider_txn_id status error_code error_message undo_requested attempts void_attempts".split(
    " ",
  ),
  ..."first_attempt_at charge_asked_at next_attempt_at shopper_present action_txn_id action_expires_at capture_before hold_attempts".split(
    " ",
  ),
  ..."traceparent reconciled_at updated_at".split(" "),
];

/** A service's own tables and functions, beside those of messaging. */
function beside(own: Pick<DatabaseGrants, "tables"> & Partial<DatabaseGrants>): DatabaseGrants {
  return {
    roles: messaging.roles,
    tables: { ...messaging.tables, ...own.tables },
    functions: { ...messaging.functions, ...own.functions },
  };
}

const SEALED = { except: ["payment_method"] };

export const GRANTS: Readonly<Record<MigratedDatabase, DatabaseGrants>> = {
  saga: beside({
    tables: {
      saga_state: {
        app: { select: "all", insert: true, update: SAGA_MOVES },
        audit: { select: SAGA_FACTS },
        console: { select: SEALED },
      },
      // Nobody changes or removes a line.
      saga_history: {
        app: { select: "all", insert: true },
        audit: { select: "history_id saga_id from_status to_status message_type at".split(" ") },
        console: { select: "all" },
      },
      // Lines are added, and settled while their act is under way.
      operator_actions: {
        // The orchestrator counts the dead letters that no operator has handled. Who and why is not its business.
        app: { select: "action_id action subject outcome".split(" "), insert: true },
        audit: { select: "subject action outcome message_id actor reason at".split(" ") },
        console: { select: "all", insert: true, update: "outcome detail settled_at times".split(" ") },
      },
      operator_plans: { console: { select: "all", insert: true, update: "all", delete: true } },
      operator_plan_items: { console: { select: "all", insert: true, update: "all" } },
      order_cancellations: {
        app: {
          select: "all",
          insert: true,
          update:
            "status step order_status resend_count needs_operator deadline_at updated_at completed_at".split(
              " ",
            ),
        },
        audit: { select: "saga_id status completed_at".split(" ") },
        console: { select: "all" },
      },
    },
  }),
  inventory: beside({
    tables: {
      inventory: {
        app: {
          select: "all",
          insert: true,
          update: "name unit_price_cents currency stocked_count available_count updated_at".split(" "),
        },
        audit: { select: "sku_id stocked_count available_count".split(" ") },
        console: { select: "all" },
      },
      products: {
        app: {
          select: "all",
          insert: true,
          update: "category description names descriptions categories picture updated_at".split(" "),
        },
        console: { select: "all" },
      },
      reservations: {
        app: { select: "all", insert: true, update: ["status", "expires_at"] },
        audit: { select: "saga_id reservation_id status sku_id quantity unit_price_cents".split(" ") },
        console: { select: "all" },
      },
    },
    functions: { "require_rows(text,bigint,bigint)": ["app"] },
  }),
  payment: beside({
    tables: {
      payments: {
        app: { select: "all", insert: true, update: PAYMENT_MOVES },
        audit: { select: "saga_id payment_id status amount_cents currency provider_txn_id".split(" ") },
        console: { select: SEALED },
      },
      refunds: {
        app: {
          select: "all",
          insert: true,
          update:
            "status provider_refund_id error_code attempts next_attempt_at failed_ids reported updated_at reconciled_at".split(
              " ",
            ),
        },
        audit: { select: "refund_id payment_id status amount_cents provider_refund_id".split(" ") },
        console: { select: "all" },
      },
      webhook_events: { app: { select: "all", insert: true, delete: true }, console: { select: "all" } },
      payment_alerts: {
        app: {
          select: "all",
          insert: true,
          update: "detail last_seen_at closed_at closed_by close_note".split(" "),
        },
        audit: { select: ["kind", "subject"] },
        console: { select: "all", update: "closed_at closed_by close_note".split(" ") },
      },
      reconciliation: {
        app: { select: "all", insert: true, update: "compared_until due_at run_id lease_until".split(" ") },
        console: { select: "all", update: ["due_at"] },
      },
      looked_up_holds: { app: { select: "all", insert: true, delete: true }, console: { select: "all" } },
    },
  }),
  order: beside({
    tables: {
      orders: {
        app: {
          select: "all",
          insert: true,
          update: "status shipping_address tracking card shipped_at delivered_at updated_at".split(" "),
        },
        audit: { select: "saga_id order_id status items total_cents currency".split(" ") },
        console: { select: "all" },
      },
    },
  }),
  notification: {
    roles: ["app", "console"],
    tables: {
      schema_migrations: { app: { select: "all" }, console: { select: "all" } },
      schema_owner: { app: { select: "all" }, console: { select: "all" } },
      waiting_mails: {
        app: { select: "all", insert: true, update: "all", delete: true },
        console: { select: "all" },
      },
    },
    functions: {},
  },
};

/**
 * Settings of a role's sessions, unless the program sets them itself: ours do. They hold for whatever else gets hold of the password, so that it
 * cannot keep rows locked. Values as Postgres shows them.
 */
export const ROLE_SETTINGS: Readonly<
  Record<Exclude<DatabaseRole, "owner">, Readonly<Record<string, string>>>
> = {
  app: { lock_timeout: "2s", statement_timeout: "30s", idle_in_transaction_session_timeout: "10s" },
  relay: { lock_timeout: "2s", statement_timeout: "30s", idle_in_transaction_session_timeout: "10s" },
  audit: {
    default_transaction_read_only: "on",
    lock_timeout: "5s",
    statement_timeout: "2min",
    idle_in_transaction_session_timeout: "1min",
  },
  console: { lock_timeout: "5s", statement_timeout: "2min", idle_in_transaction_session_timeout: "10s" },
  migrator: { lock_timeout: "5s", idle_in_transaction_session_timeout: "1min" },
};

/** See what others' sessions do: whose transaction blocks a row, and how old the oldest snapshot is. */
export const READS_STATISTICS: readonly GrantedRole[] = ["app", "relay", "console"];

/** For example `saga_app`. */
export function roleName(database: MigratedDatabase, role: DatabaseRole): string {
  return `${database}_${role}`;
}

/** The roles of this database that can log in. */
export function loginRoles(database: MigratedDatabase): readonly Exclude<DatabaseRole, "owner">[] {
  return ["migrator", ...GRANTS[database].roles];
}
