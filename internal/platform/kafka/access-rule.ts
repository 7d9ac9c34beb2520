// A line of the brokers' access lists, in the forms of our code and of the addon (native/src/acl-admin.cc). Used by admin.ts and by
// `checkoutctl acl`.
import { AppError } from "../../kernel/errors.ts";
import type { AccessRule } from "../../kernel/ports.ts";
import type { Calls } from "./connection.ts";
import type { NativeError } from "./native/types.ts";

/** librdkafka calls the cluster a broker. */
const RESOURCES = { topic: "TOPIC", group: "GROUP", cluster: "BROKER" } as const;

export function textsOf(rule: AccessRule): readonly string[] {
  const { resource, name, pattern, principal, host, operation, permission } = rule;
  return [RESOURCES[resource], name, pattern, principal, host, operation, permission];
}

export function ruleOf([
  kind,
  name,
  pattern,
  principal,
  host,
  operation,
  permission,
]: readonly string[]): AccessRule {
  return {
    resource: kind === RESOURCES.topic ? "topic" : kind === RESOURCES.group ? "group" : "cluster",
    name: name ?? "",
    pattern: pattern === "PREFIXED" ? "PREFIXED" : "LITERAL",
    principal: principal ?? "",
    host: host ?? "",
    operation: operation ?? "",
    permission: permission === "DENY" ? "DENY" : "ALLOW",
  };
}

export function accessError({ failed }: Calls, doing: string, failure: NativeError): AppError {
  if (failure.code !== "SECURITY_DISABLED") return failed(doing, failure);
  return new AppError(
    "KAFKA_DENIED",
    `${doing}: these brokers have none, so everybody may do everything: set authorizer.class.name on every broker and controller (docs/runbook.md, "Kafka access")`,
  );
}
