// The names of span attributes, in one place. Those of HTTP, databases, errors and servers are stable in OpenTelemetry's semantic conventions, and
// a test compares them with the package. Those of messaging are still in development there, and the package promises nothing about
// them; so they are written down here. Names that begin with `checkout.` or `saga.` are ours.

export const HTTP_METHOD = "http.request.method";
export const HTTP_ROUTE = "http.route";
export const HTTP_STATUS = "http.response.status_code";
export const SERVER_ADDRESS = "server.address";
export const SERVER_PORT = "server.port";
export const ERROR_TYPE = "error.type";
/** SQLSTATE. */
export const DATABASE_STATUS = "db.response.status_code";

/** In development; semantic conventions 1.44.0. */
export const MESSAGING_SYSTEM = "messaging.system";
export const MESSAGING_OPERATION_NAME = "messaging.operation.name";
export const MESSAGING_OPERATION_TYPE = "messaging.operation.type";
export const MESSAGING_DESTINATION = "messaging.destination.name";
export const MESSAGING_PARTITION = "messaging.destination.partition.id";
export const MESSAGING_GROUP = "messaging.consumer.group.name";
export const MESSAGING_BATCH = "messaging.batch.message_count";
export const MESSAGING_MESSAGE_ID = "messaging.message.id";
export const MESSAGING_OFFSET = "messaging.kafka.offset";

export const SAGA_ID = "saga.id";
export const SAGA_STATUS = "saga.status";
export const SAGA_STEP = "saga.step";
export const MESSAGE_TYPE = "checkout.message.type";
/** What a message led to: the types that were sent, `nothing`, or `duplicate`. */
export const OUTCOME = "checkout.outcome";
export const DUPLICATES = "checkout.batch.duplicates";
export const DATABASE = "checkout.outbox";
export const ATTEMPT = "checkout.attempt";
/** A hash: the key itself would allow a call in its name. */
export const IDEMPOTENCY_KEY_HASH = "checkout.idempotency_key.hash";
export const CHECKOUTS = "checkout.batch.checkouts";
export const MAIL_TEMPLATE = "checkout.mail.template";
