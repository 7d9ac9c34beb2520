// How a consumer goes on polling: again and again, with a growing pause while something is away. Called by the message processor and by the
// one consumer that is not a message processor, notification.
import { cappedBackoff } from "../kernel/backoff.ts";
import { AppError } from "../kernel/errors.ts";
import { pause } from "./pause.ts";

/** Pauses while Kafka or the database is away. The longest is what an outage is longer for us than it was. */
export const BACKOFF_FIRST_MS = 100;
export const BACKOFF_CAP_MS = 1_500;

/**
 * Calls `runOnce` until `signal` aborts. An error that waiting can heal (AppError with `canRetry`) goes to `onWait` and is
 * followed by a pause; any other is thrown, and the process should end then.
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
