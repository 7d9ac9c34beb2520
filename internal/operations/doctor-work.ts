// Pure: judges what waits in the system for `checkoutctl doctor`, from the overview: outboxes, lag, dead letters, sagas, payments,
// mails, roles. The limits are those of deploy/prometheus/alerts.yml.
import type { Finding } from "../../schemas/doctor.ts";
import type {
  MoneyAtRisk,
  OpenDeadLetterCount,
  OutboxDepth,
  Overview,
  Part,
  SagaFlow,
  TopicState,
  WaitingMails,
} from "../../schemas/overview.ts";
import { countText, plural } from "../kernel/counted.ts";
import { finding, inWords, judgeVersions } from "./doctor-verdicts.ts";

const STALE_OUTBOX_MS = 30_000;
/** Above these a person looks. The console's overview says so, too. */
export const LAG = 1_000;
export const UNKNOWN_PAYMENT_MS = 900_000;
export const WAITING_MAIL_MS = 3_600_000;

/** Every part of the overview as findings; a part that did not answer is not checked. `startOf`: the command that starts a role process. */
export function judgeWork(
  overview: Overview,
  version: string,
  startOf: (name: string) => string = startCommandOf,
): readonly Finding[] {
  const { at, outboxes, topics, dead_letters, sagas, money, mails } = overview;
  return [
    ...outboxes.flatMap(({ database, depth }) =>
      judged("outbox", database, depth, (value) => [judgeOutbox(database, value, at)]),
    ),
    ...judged("lag", "consumer groups", topics, judgeLag),
    ...judged("dead letters", "checkout-dlq", dead_letters, (value) => [judgeDeadLetters(value)]),
    ...judged("sagas", "saga", sagas, (value) => [judgeSagas(value)]),
    ...judged("payments", "payment", money, (value) => judgeMoney(value, at)),
    ...judged("mails", "notification", mails, (value) => [judgeMails(value, at)]),
    ...judgeRoles(overview, version, startOf),
  ];
}

function judged<T>(
  check: string,
  subject: string,
  part: Part<T>,
  judge: (value: T) => readonly Finding[],
): readonly Finding[] {
  if ("value" in part) return judge(part.value);
  return [finding(check, subject, { verdict: "not checked", says: part.why })];
}

function judgeOutbox(database: string, { unpublished, oldest_at, retries }: OutboxDepth, now: number) {
  const age = oldest_at === null ? 0 : now - oldest_at;
  const waiting = `${plural(unpublished, "event waits", "events wait")} for Kafka${unpublished > 0 ? `, the oldest for ${inWords(age)}` : ""}; ${plural(retries, "message waits", "messages wait")} for another try`;
  if (age <= STALE_OUTBOX_MS) return finding("outbox", database, { verdict: "ok", says: waiting });
  return finding("outbox", database, {
    verdict: "problem",
    says: waiting,
    todo: "is the relay running, and Kafka reachable from it? see the runbook, No relay runs",
  });
}

function judgeLag(topics: readonly TopicState[]): readonly Finding[] {
  return topics.flatMap(({ topic, groups }) =>
    groups.map(({ group, lag }) => {
      const says = `${group} has not committed ${plural(lag, "message")}`;
      if (lag <= LAG) return finding("lag", topic, { verdict: "ok", says });
      const todo = `read the log of ${group}; see the runbook, Orders do not finish`;
      return finding("lag", topic, { verdict: "warning", says, todo });
    }),
  );
}

function judgeDeadLetters(open: readonly OpenDeadLetterCount[]): Finding {
  const some = open.filter(({ count }) => count > 0);
  if (some.length === 0)
    return finding("dead letters", "checkout-dlq", { verdict: "ok", says: "none is open" });
  return finding("dead letters", "checkout-dlq", {
    verdict: "warning",
    says: `open: ${some.map(({ service, count }) => `${count} of ${service}`).join(", ")}`,
    todo: "checkoutctl dlq ls",
  });
}

function judgeSagas(flow: SagaFlow): Finding {
  const { in_progress, needing_operator, cancellations_needing_operator } = flow;
  const open = in_progress.reduce((sum, { count }) => sum + count, 0);
  const needy = [
    ...(needing_operator > 0 ? [plural(needing_operator, "saga")] : []),
    ...(cancellations_needing_operator > 0
      ? [plural(cancellations_needing_operator, "cancellation of an order", "cancellations of orders")]
      : []),
  ];
  if (needy.length === 0)
    return finding("sagas", "saga", {
      verdict: "ok",
      says: `${countText(open)} in progress, none needs an operator`,
    });
  return finding("sagas", "saga", {
    verdict: "problem",
    says: `${needy.join(" and ")} ${needing_operator + cancellations_needing_operator === 1 ? "needs" : "need"} an operator`,
    todo: "checkoutctl saga ls --stuck 1s, then checkoutctl saga show ID",
  });
}

/** The rest of a sentence that begins with a number of payments: `have no definite result`, `are AUTHORIZED`. */
export function inWhichState(status: string, count: number): string {
  if (status === "UNKNOWN") return `${count === 1 ? "has" : "have"} no definite result`;
  return `${count === 1 ? "is" : "are"} ${status}`;
}

function judgeMoney({ payments, refunds_pending, alerts }: MoneyAtRisk, now: number): readonly Finding[] {
  const findings: Finding[] = [];
  const unknown = payments.filter(
    ({ status, oldest_at }) => status !== "PENDING" && now - oldest_at > UNKNOWN_PAYMENT_MS,
  );
  for (const { status, count, currency, oldest_at } of unknown)
    findings.push(
      finding("payments", "payment", {
        verdict: "warning",
        says: `${plural(count, "payment")} in ${currency} ${inWhichState(status, count)}, the oldest for ${inWords(now - oldest_at)}`,
        todo: "does the provider answer? see the runbook, A payment stays UNKNOWN",
      }),
    );
  if (alerts.length > 0)
    findings.push(
      finding("payments", "payment", {
        verdict: "warning",
        says: `open alerts: ${alerts.map(({ kind, count }) => `${count} ${kind}`).join(", ")}`,
        todo: "checkoutctl payments alerts",
      }),
    );
  if (findings.length === 0) {
    const sum = (rows: readonly { readonly count: number }[]) =>
      rows.reduce((all, { count }) => all + count, 0);
    const says = `${plural(sum(payments), "payment")} and ${plural(sum(refunds_pending), "refund")} in progress, no alert is open`;
    findings.push(finding("payments", "payment", { verdict: "ok", says }));
  }
  return findings;
}

function judgeMails({ waiting, oldest_at }: WaitingMails, now: number): Finding {
  const age = oldest_at === null ? 0 : now - oldest_at;
  const says = `${plural(waiting, "mail waits", "mails wait")} for another try${waiting > 0 ? `, the oldest for ${inWords(age)}` : ""}`;
  if (age <= WAITING_MAIL_MS) return finding("mails", "notification", { verdict: "ok", says });
  const todo = "see the runbook, Mails are late";
  return finding("mails", "notification", { verdict: "warning", says, todo });
}

/** The command on its machine. OPS_URLS names several processes of a role `order`, `order-2` or `order-b`, each on a machine of its own. */
export function startCommandOf(name: string): string {
  return `systemctl start checkout-${name.replace(/-.*$/, "")}`;
}

function judgeRoles(
  { roles }: Overview,
  version: string,
  startOf: (name: string) => string,
): readonly Finding[] {
  if (roles.length === 0) {
    const says = "OPS_URLS (the operators' address of each role process) is not set";
    return [finding("roles", "all", { verdict: "not checked", says, todo: "set OPS_URLS" })];
  }
  const findings = roles.map(({ name, state }) => {
    if (!("value" in state))
      return finding("roles", name, {
        verdict: "problem",
        says: state.why,
        todo: `start it (${startOf(name)}), or correct OPS_URLS; its log has the reason and the exit code`,
      });
    const { is_ready, reasons } = state.value;
    if (is_ready && reasons.length === 0) return finding("roles", name, { verdict: "ok", says: "ready" });
    return finding("roles", name, {
      verdict: is_ready ? "warning" : "problem",
      says: `${is_ready ? "ready, but" : "not ready:"} ${reasons.join("; ")}`,
      todo: "read its log; bring up what it waits for",
    });
  });
  const versions = roles.flatMap(({ name, state }) =>
    "value" in state ? [{ name, version: state.value.version }] : [],
  );
  return versions.length === 0 ? findings : [...findings, judgeVersions(version, versions)];
}
