// What Kafka refuses a client of a role, in the role's readiness and in a metric. Used by every role with a Kafka client.
import { deniedWatch } from "../denied-watch.ts";

/** `watchAccess(context, client, denied)`: `denied` says what Kafka refuses `client`, or null. */
export const { watch: watchAccess, register: deniedGauge } = deniedWatch({
  metric: "kafka_denied",
  help: "1 while Kafka refuses what this client of the role needs",
  label: "client",
  checkOf: (client) => `kafka access of ${client}`,
});
