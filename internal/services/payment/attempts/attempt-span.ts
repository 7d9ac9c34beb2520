// The span of one attempt at the provider, in the trace that the payment's row keeps: so it finds its trace after a pause, a crash or in
// another process. Used by executor.ts.
import {
  ATTEMPT,
  IDEMPOTENCY_KEY_HASH,
  OUTCOME,
  SAGA_ID,
  SERVER_ADDRESS,
} from "../../../kernel/span-attributes.ts";
import { noSpan, noTracer, type Tracer } from "../../../kernel/telemetry.ts";
import { chargeKey } from "../payment.ts";
import type { Attempt, AttemptResult } from "./attempt.ts";

/** Outcomes that are not what was asked for. The trace shows them as failed; `declined` is an answer like any other. */
const FAILED: ReadonlySet<string> = new Set(["unknown", "request_refused", "no_effect", "failed"]);
const HASH_LENGTH = 16;

/** `ended`: the result, null if the request was not sent or failed in a way that nobody expected. */
export function attemptSpan(tracer: Tracer = noTracer, host: string | undefined, attempt: Attempt) {
  const { traceparent } = attempt.payment;
  const isTraced = tracer.isOn && traceparent !== null;
  const span = isTraced
    ? tracer.span(nameOf(attempt), traceparent, { kind: "client", attributes: attributesOf(attempt, host) })
    : noSpan;
  return {
    ended(result: AttemptResult | null): void {
      const outcome = result?.outcome.kind ?? "unsent";
      span.set({ [OUTCOME]: outcome });
      if (FAILED.has(outcome)) span.fail(outcome);
      span.end();
    },
  };
}

/** By what it does to the money: some attempts only look. */
function nameOf({ kind, request }: Attempt): string {
  if (kind !== "charge") return `POST ${kind}`;
  return request.ask === "search" || request.ask === "look_up" ? "GET charge" : "POST charge";
}

function attributesOf({ payment, request }: Attempt, host: string | undefined) {
  const key = "idempotency_key" in request ? request.idempotency_key : chargeKey(payment.saga_id);
  return {
    ...(host === undefined ? {} : { [SERVER_ADDRESS]: host }),
    [ATTEMPT]: request.attempt,
    [SAGA_ID]: payment.saga_id,
    [IDEMPOTENCY_KEY_HASH]: Bun.CryptoHasher.hash("sha256", key, "hex").slice(0, HASH_LENGTH),
  };
}
