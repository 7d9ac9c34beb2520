// What `checkoutctl cost --json` prints.
import { type Static, Type } from "@sinclair/typebox";

const Count = Type.Integer({ minimum: 0 });
const numberOrNull = (description: string) => Type.Union([Type.Number(), Type.Null()], { description });

export const CostReport = Type.Object({
  window_seconds: Type.Number(),
  orders: Type.Integer({ minimum: 0, description: "checkouts that completed in the window" }),
  processes: Type.Array(
    Type.Object({
      name: Type.String(),
      cpu_ms_per_order: numberOrNull("null: no order completed, or the process did not answer twice"),
      cores: numberOrNull("mean of the window"),
      memory_bytes: numberOrNull("at the end of the window"),
    }),
  ),
  cpu_ms_per_order: numberOrNull("of the processes above"),
  memory_bytes: numberOrNull("of the processes above; null: one of them did not answer"),
  databases: Type.Array(Type.Object({ database: Type.String(), bytes: Count })),
  checkouts_kept: Count,
  checkouts_are_estimated: Type.Boolean({
    description: "their number is an estimate of the database's planner",
  }),
  database_bytes_per_checkout: numberOrNull("null: too few checkouts to tell them from an empty database"),
  messages_per_order: numberOrNull("of all topics"),
  kafka_bytes_per_order: numberOrNull(
    "keys, values and headers of all copies, from the mean of the newest messages",
  ),
  at_rate: Type.Array(
    Type.Object({
      orders_per_minute: Type.Number(),
      is_extrapolated: Type.Boolean(),
      cores: numberOrNull("CPU in use"),
      database_gib_per_month: numberOrNull("new rows of a month"),
      kafka_gib: numberOrNull("what the topics hold at their retention"),
      price_per_month: numberOrNull("null: no price was given, or a figure is missing"),
      price_per_order: numberOrNull("the same, for one order"),
    }),
  ),
  not_measured: Type.Array(Type.String()),
});
export type CostReport = Static<typeof CostReport>;
