// Keeps an answer that is expensive to get. Used by overview-sources.ts.
import type { Clock } from "../../internal/kernel/ports.ts";

/**
 * Asks for `read` at most every `everyMs`, and never twice at the same time: callers that come during a read share its result. A failure
 * is not kept.
 */
export function seldom<Answer>(
  read: () => Promise<Answer>,
  { everyMs, clock }: { readonly everyMs: number; readonly clock: Clock },
): () => Promise<Answer> {
  let last: { readonly at: number; readonly answer: Answer } | undefined;
  let running: Promise<Answer> | undefined;
  const ask = async () => {
    const at = clock.now();
    const answer = await read();
    last = { at, answer };
    return answer;
  };
  return async () => {
    if (running !== undefined) return running;
    if (last !== undefined && Math.abs(clock.now() - last.at) < everyMs) return last.answer;
    // Cleared later than it is set, even if `read` throws at once.
    running = ask().finally(() => (running = undefined));
    return running;
  };
}
