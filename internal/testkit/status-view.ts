// The status of a checkout that has just begun, for tests; they change what matters to them.
import type { SagaStatusView } from "../../schemas/http.ts";

/** `at`: RFC 3339. */
export function startedView(saga_id: string, at: string) {
  return {
    saga_id,
    status: "STARTED",
    current_step: "reserve",
    compensation_step: null,
    failure_code: null,
    order_id: null,
    total_cents: null,
    currency: "EUR",
    created_at: at,
    updated_at: at,
    completed_at: null,
  } satisfies SagaStatusView;
}
