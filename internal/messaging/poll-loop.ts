// The poll loop of a consumer, with a growing pause while a dependency is unavailable. Called by the message processor and by
// notification, the one consumer that is not a message processor.
import { cappedBackoff } from "../kernel/backoff.ts";
import { AppError } from "../kernel/errors.ts";
import { pause } from "./pause.ts";

/** Pauses while Kafka or the database is unavailable. The longest pause is how much longer an outage can last for us. */
export const BACKOFF_FIRST_MS = 100;
export const BACKOFF_CAP_MS = 1_500;

/**
 * Calls `runOnce` until `signal` aborts. An error that waiting can fix (AppError with `canRetry`) goes to `onWait`, and a pause
 * follows. Any other error is thrown; the process should end then.
 */
export async function pollUntilAborted(
  signal: AbortSignal,
  runOnce: () => Promise<unknown>,
  onWait: (error: AppError) => void,
): Promise<void> {
  for (let failures = 0; !signal.aborted;) {
    try {
      await runOnce();
      failures = 0;
    } catch (error) {
      if (!(error instanceof AppError && error.canRetry)) throw error;
      onWait(error);
      await pause(cappedBackoff(failures, BACKOFF_FIRST_MS, BACKOFF_CAP_MS), signal);
      failures += 1;
    }
  }
}
