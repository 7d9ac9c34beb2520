// The status of a saga, as an icon and words.
import type { SagaStatus } from "../../../schemas/http.ts";
import { Status, type Tone } from "./bits.tsx";

const TONES: Readonly<Record<SagaStatus, Tone>> = {
  STARTED: "running",
  INVENTORY_RESERVED: "running",
  PAYMENT_CHARGED: "running",
  ORDER_CREATED: "running",
  COMPLETED: "good",
  COMPENSATING: "undo",
  COMPENSATED: "bad",
  FAILED: "bad",
};

export function SagaStatusText({
  status,
  needsOperator,
}: {
  readonly status: SagaStatus;
  readonly needsOperator: boolean;
}) {
  return (
    <span>
      <Status tone={TONES[status]}>{status}</Status>
      {needsOperator ? (
        <>
          {" "}
          <Status tone="bad">needs an operator</Status>
        </>
      ) : null}
    </span>
  );
}

/** Where it stands, in words. */
export function placeText({
  current_step,
  compensation_step,
}: {
  readonly current_step: string;
  readonly compensation_step: string | null;
}): string {
  return compensation_step === null ? current_step : `undoing ${compensation_step}`;
}
