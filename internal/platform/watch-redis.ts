// Whether Redis answers, and what it or its Sentinels refuse a role, in the role's readiness and in a metric. Used by every role with Redis.
// No check of it is required: a role works without Redis, and without a Sentinel it notices a failover later.
import { deniedWatch } from "./denied-watch.ts";
import type { RoleContext } from "./lifecycle.ts";
import type { Redis } from "./redis.ts";

const { watch, register } = deniedWatch({
  metric: "redis_denied",
  help: "1 while this server refuses what the role needs: a right is missing, see `checkoutctl grants redis`",
  label: "server",
  checkOf: (server) => `refused by ${server}`,
});
export const redisDeniedGauge = register;

export function watchRedis(context: Pick<RoleContext<unknown>, "ops" | "metrics">, redis: Redis): void {
  context.ops.addCheck("redis", () => redis.ready(), { required: false });
  watch(context, "redis", () => redis.denied(), { isRequired: false });
  watch(context, "sentinels", () => redis.sentinelsDenied(), { isRequired: false });
}
