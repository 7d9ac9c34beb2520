// Streams what happens to a checkout to its shopper (server-sent events): the history lines as they are written, and the status with
// them. Each stream is a loop of calls to the orchestrator that wait there, so nothing asks a database per stream. Called by
// routes/saga-events.ts.
import type { SagaStatusView } from "../../schemas/http.ts";
import type { SagaHistory } from "../../schemas/shop.ts";
import { AppError } from "../kernel/errors.ts";
import { pause } from "../messaging/pause.ts";
import type { OrchestratorClient } from "./orchestrator-client.ts";
import type { StreamSlots } from "./stream-slots.ts";

/** A call waits this long; then a comment keeps proxies and Bun's idle timeout (90 s) from closing the stream. */
const HEARTBEAT_MS = 15_000;
/** Then the client connects again, perhaps to another gateway. */
const MAX_STREAM_MS = 5 * 60_000;
/** How long a client waits before it connects again. */
const CLIENT_RETRY_MS = 3_000;
/** Pause after a call that failed; with jitter, because all streams fail at once. */
const RETRY_MS = 2_000;

export interface EventStreamsOptions {
  readonly orchestrator: Pick<OrchestratorClient, "history">;
  readonly slots: Pick<StreamSlots, "take">;
  /** Override the times above, for tests. */
  readonly heartbeatMs?: number;
  readonly maxStreamMs?: number;
  readonly retryMs?: number;
}

export interface Follow {
  readonly sagaId: string;
  readonly userId: string;
  /** The id of the last line that the client has; 0 for none. */
  readonly after: number;
  readonly signal: AbortSignal;
  /** Called with each status that the client gets. */
  readonly onView?: ((view: SagaStatusView) => void) | undefined;
}

export class EventStreams {
  readonly #options: Required<EventStreamsOptions>;

  constructor(options: EventStreamsOptions) {
    this.#options = {
      heartbeatMs: HEARTBEAT_MS,
      maxStreamMs: MAX_STREAM_MS,
      retryMs: RETRY_MS,
      ...options,
    };
  }

  /**
   * The stream of a user's saga. Null if the user has no such saga; "finished" if the saga has ended and the client knows everything.
   * Throws the problems `too-many-streams` and `streams-full`, and SERVICE_UNAVAILABLE.
   */
  async open(follow: Follow): Promise<ReadableStream<Uint8Array> | "finished" | null> {
    const close = this.#options.slots.take(follow.userId, follow.signal);
    try {
      // Before the answer begins, so that a missing saga is a 404 and an unreachable orchestrator a 503.
      const first = await this.#next(follow, follow.after, 0, close.signal);
      const isKnown = follow.after > 0 && first?.events.length === 0;
      if (first === null || (isKnown && isFinished(first))) {
        close.abort();
        return first === null ? null : "finished";
      }
      return this.#stream(follow, first, close);
    } catch (error) {
      close.abort();
      throw error;
    }
  }

  #stream(follow: Follow, first: SagaHistory, close: AbortController): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const send = (text: string) => {
          if (!close.signal.aborted) controller.enqueue(encoder.encode(text));
        };
        send(`retry: ${CLIENT_RETRY_MS}\n\n`);
        // Not awaited: the answer begins while the loop runs.
        void this.#follow(follow, first, send, close.signal).finally(() => {
          close.abort();
          try {
            controller.close();
          } catch {
            // The client has gone, which closed it already.
          }
        });
      },
      cancel: () => close.abort(),
    });
  }

  /** Sends what happens until the saga has ended, the time is up, or `signal` aborts. Never rejects. */
  async #follow(
    follow: Follow,
    first: SagaHistory,
    send: (text: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { heartbeatMs, maxStreamMs, retryMs } = this.#options;
    const until = performance.now() + maxStreamMs;
    let { after } = follow;
    send(frames(first));
    follow.onView?.(first.view);
    for (let seen: SagaHistory | null = first; ;) {
      if (seen !== null) {
        after = seen.events.at(-1)?.id ?? after;
        if (isFinished(seen)) return;
      }
      const leftMs = until - performance.now();
      if (signal.aborted || leftMs <= 0) return;
      try {
        const next = await this.#next(follow, after, Math.ceil(Math.min(heartbeatMs, leftMs)), signal);
        // Gone: erased while it was followed.
        if (next === null) return;
        send(next.events.length === 0 ? ": still here\n\n" : frames(next));
        follow.onView?.(next.view);
        seen = next;
      } catch (error) {
        if (signal.aborted || !(error instanceof AppError) || !error.canRetry) return;
        send(": waiting for the orchestrator\n\n");
        seen = null;
        await pause(retryMs * (0.5 + Math.random()), signal);
      }
    }
  }

  #next({ sagaId, userId }: Follow, after: number, waitMs: number, signal: AbortSignal) {
    return this.#options.orchestrator.history(sagaId, userId, { after, waitMs, signal });
  }
}

const encoder = new TextEncoder();

/** Only frames with an id move the client's `Last-Event-ID`. */
function frames({ events, view }: SagaHistory): string {
  const lines = events.map(
    ({ id, status, step, at }) =>
      `event: progress\nid: ${id}\ndata: ${JSON.stringify({ status, step, at })}\n\n`,
  );
  return `${lines.join("")}event: status\ndata: ${JSON.stringify(view)}\n\n`;
}

/** The view is read together with the lines, so a finished one comes with the last line. */
function isFinished({ view }: SagaHistory): boolean {
  return view.completed_at !== null;
}
