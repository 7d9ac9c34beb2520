// Whether a process of the drill has done work: its own counters, or the requests that its balancer gave it. Called by drill.ts.
import { parseMetrics } from "../../../bench/measure/metrics.ts";
import type { Role } from "../role-env.ts";
import type { Fleet, Slot } from "./fleet.ts";

/** The counters that show the work of a role, under names that both releases have. A role without one works when it is asked. */
const COUNTERS: Readonly<Partial<Record<Role, readonly string[]>>> = {
  orchestrator: ["checkout_sagas_started_total", "checkout_messages_handled_total"],
  inventory: ["checkout_messages_handled_total"],
  payment: ["checkout_messages_handled_total"],
  order: ["checkout_messages_handled_total"],
  notification: ["checkout_mails_sent_total"],
  relay: ["checkout_outbox_published_total"],
};

/** Undefined if the role has no work that can be counted: the console. */
export async function workOf(fleet: Fleet, { role, number, opsPort }: Slot): Promise<number | undefined> {
  if (role === "gateway") return fleet.balancer(role)?.requestsOf(number);
  const counters = COUNTERS[role];
  if (counters === undefined) return undefined;
  const metrics = parseMetrics(await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text());
  // The least: a process that starts sagas and handles no message does not work.
  return Math.min(...counters.map((counter) => metrics.get(counter) ?? 0));
}
