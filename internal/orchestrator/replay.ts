// Whether a dead-lettered command may be sent again, by the saga table: only while its saga waits for its reply. Later a tombstone
// would refuse it at best, so it is refused here, with the reason. Pure; called by `checkoutctl dlq`.
import type { SagaStatus } from "../../schemas/http.ts";
import { tableOf } from "./steps.ts";

/** Where a saga stands, from its row. */
export interface CurrentSaga {
  readonly table_version: number;
  readonly status: SagaStatus;
  readonly current_step: string;
  readonly compensation_step: string | null;
}

/** Null when the message may be sent again. Only commands can come too late; a saga decides an event at any time. */
export function objectionToReplay(type: string, { status, ...saga }: CurrentSaga): string | null {
  const row = tableOf(saga).find(
    ({ command, undo }) => command === type || undo?.command === type || undo?.commandOncePaid === type,
  );
  if (row === undefined) return null;
  if (status === "COMPLETED" || status === "COMPENSATED" || status === "FAILED")
    return `its saga is finished: ${status}`;
  if (row.command !== type) {
    if (status !== "COMPENSATING") return `its saga is ${status} and undoes nothing`;
    return row.step === saga.compensation_step ? null : `its saga is undoing ${saga.compensation_step} now`;
  }
  if (status === "COMPENSATING") return "its saga is compensating and undoes this step";
  return row.step === saga.current_step
    ? null
    : `its saga is past that step and waits for ${saga.current_step}`;
}
