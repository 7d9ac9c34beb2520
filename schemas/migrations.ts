// The SQL migrations of the five databases, embedded as text in the binaries. Numbered and forward-only; `checkoutctl migrate` applies
// them in this order.
import heldMessages from "./migrations/held_messages.sql" with { type: "text" };
import leastPrivilege from "./migrations/least_privilege.sql" with { type: "text" };
import waitingMails from "./migrations/notification/0001_waiting_mails.sql" with { type: "text" };
import messaging from "./migrations/messaging.sql" with { type: "text" };
import quieterVacuum from "./migrations/quieter_vacuum.sql" with { type: "text" };
import defaultPartitions from "./migrations/default_partitions.sql" with { type: "text" };
import inventory from "./migrations/inventory/0002_inventory.sql" with { type: "text" };
import categoryLanguages from "./migrations/inventory/0027_category_languages.sql" with { type: "text" };
import inventorySearch from "./migrations/inventory/0028_search.sql" with { type: "text" };
import products from "./migrations/inventory/0023_products.sql" with { type: "text" };
import order from "./migrations/order/0002_order.sql" with { type: "text" };
import orderCard from "./migrations/order/0037_charged_card.sql" with { type: "text" };
import shipping from "./migrations/order/0025_shipping.sql" with { type: "text" };
import payment from "./migrations/payment/0002_payment.sql" with { type: "text" };
import paymentTruth from "./migrations/payment/0003_payment_truth.sql" with { type: "text" };
import providerLimits from "./migrations/payment/0014_provider_limits.sql" with { type: "text" };
import providers from "./migrations/payment/0022_providers.sql" with { type: "text" };
import paymentAction from "./migrations/payment/0024_action_required.sql" with { type: "text" };
import refundsThatFail from "./migrations/payment/0043_refunds_that_fail.sql" with { type: "text" };
import paymentSearch from "./migrations/payment/0028_search.sql" with { type: "text" };
import paymentAuthorize from "./migrations/payment/0042_authorize.sql" with { type: "text" };
import paymentHeld from "./migrations/payment/0042_held_index.sql" with { type: "text" };
import paymentLookedUp from "./migrations/payment/0045_looked_up_holds.sql" with { type: "text" };
import paymentWords from "./migrations/payment/0019_own_words.sql" with { type: "text" };
import saga from "./migrations/saga/0002_saga.sql" with { type: "text" };
import operators from "./migrations/saga/0003_operators.sql" with { type: "text" };
import operatorPlans from "./migrations/saga/0029_operator_plans.sql" with { type: "text" };
import orderCancellations from "./migrations/saga/0025_order_cancellations.sql" with { type: "text" };
import recovery from "./migrations/saga/0017_recovery.sql" with { type: "text" };
import sagaAction from "./migrations/saga/0024_action_required.sql" with { type: "text" };
import sagaMoreTime from "./migrations/saga/0026_more_time.sql" with { type: "text" };
import sagaSearch from "./migrations/saga/0028_search.sql" with { type: "text" };
import sagaLanguage from "./migrations/saga/0033_shopper_language.sql" with { type: "text" };
import sagaEmail from "./migrations/saga/0039_email_search.sql" with { type: "text" };
import sagaWaited from "./migrations/saga/0040_waited_for_shopper.sql" with { type: "text" };
import sagaAuthorizeValid from "./migrations/saga/0041_authorize_first_valid.sql" with { type: "text" };
import sagaAuthorize from "./migrations/saga/0041_authorize_first.sql" with { type: "text" };
import sagaCard from "./migrations/saga/0037_charged_card.sql" with { type: "text" };
import sagaPauseAfter from "./migrations/saga/0044_pause_after.sql" with { type: "text" };
import sagaGeneration from "./migrations/saga/0035_run_generation.sql" with { type: "text" };
import sagaActions from "./migrations/saga/0032_operator_actions.sql" with { type: "text" };
import sagaHot from "./migrations/saga/0020_hot_updates.sql" with { type: "text" };
import sagaWords from "./migrations/saga/0019_own_words.sql" with { type: "text" };

/** The databases of the services in the saga: each has an inbox, an outbox and a retry table. */
export const DATABASES = ["saga", "inventory", "payment", "order"] as const;
export type DatabaseName = (typeof DATABASES)[number];

/** These, and the database of the notification service, which stores waiting mails and sends no messages. */
export const MIGRATED_DATABASES = [...DATABASES, "notification"] as const;
export type MigratedDatabase = (typeof MIGRATED_DATABASES)[number];

export interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** The first migration of the saga databases: the tables of internal/messaging. */
export const messagingMigration: Migration = { name: "0001_messaging", sql: messaging };
/** Migrations that all four databases share. */
const held: Migration = { name: "0012_held_messages", sql: heldMessages };
const vacuum: Migration = { name: "0021_quieter_vacuum", sql: quieterVacuum };
const spare: Migration = { name: "0018_default_partitions", sql: defaultPartitions };
/** Its functions let a role work that does not own the tables. Of all databases with an outbox. */
export const LEAST_PRIVILEGE = "0038_least_privilege";
const privilege: Migration = { name: LEAST_PRIVILEGE, sql: leastPrivilege };

export const migrations: Record<MigratedDatabase, readonly Migration[]> = {
  saga: [
    messagingMigration,
    { name: "0002_saga", sql: saga },
    { name: "0003_operators", sql: operators },
    held,
    { name: "0017_recovery", sql: recovery },
    spare,
    { name: "0019_own_words", sql: sagaWords },
    { name: "0020_hot_updates", sql: sagaHot },
    vacuum,
    { name: "0024_action_required", sql: sagaAction },
    { name: "0025_order_cancellations", sql: orderCancellations },
    { name: "0026_more_time", sql: sagaMoreTime },
    { name: "0028_search", sql: sagaSearch },
    { name: "0029_operator_plans", sql: operatorPlans },
    { name: "0032_operator_actions", sql: sagaActions },
    { name: "0033_shopper_language", sql: sagaLanguage },
    { name: "0035_run_generation", sql: sagaGeneration },
    { name: "0037_charged_card", sql: sagaCard },
    privilege,
    { name: "0039_email_search", sql: sagaEmail },
    { name: "0040_waited_for_shopper", sql: sagaWaited },
    { name: "0041_authorize_first", sql: sagaAuthorize },
    { name: "0041_authorize_first_valid", sql: sagaAuthorizeValid },
    { name: "0044_pause_after", sql: sagaPauseAfter },
  ],
  inventory: [
    messagingMigration,
    { name: "0002_inventory", sql: inventory },
    held,
    spare,
    vacuum,
    { name: "0023_products", sql: products },
    { name: "0027_category_languages", sql: categoryLanguages },
    { name: "0028_search", sql: inventorySearch },
    privilege,
  ],
  payment: [
    messagingMigration,
    { name: "0002_payment", sql: payment },
    { name: "0003_payment_truth", sql: paymentTruth },
    held,
    { name: "0014_provider_limits", sql: providerLimits },
    spare,
    { name: "0019_own_words", sql: paymentWords },
    vacuum,
    { name: "0022_providers", sql: providers },
    { name: "0024_action_required", sql: paymentAction },
    { name: "0028_search", sql: paymentSearch },
    privilege,
    { name: "0042_authorize", sql: paymentAuthorize },
    { name: "0042_held_index", sql: paymentHeld },
    { name: "0043_refunds_that_fail", sql: refundsThatFail },
    { name: "0045_looked_up_holds", sql: paymentLookedUp },
  ],
  order: [
    messagingMigration,
    { name: "0002_order", sql: order },
    held,
    spare,
    vacuum,
    { name: "0025_shipping", sql: shipping },
    { name: "0037_charged_card", sql: orderCard },
    privilege,
  ],
  notification: [{ name: "0001_waiting_mails", sql: waitingMails }],
};
