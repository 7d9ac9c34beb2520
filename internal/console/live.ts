// A page's event stream: sends the parts of the page whose HTML has changed, at most once a second, while its viewer is signed in and reads.
// While a server that the page needs does not answer, it says since when, and goes on by itself. Called by the routes.
import { h, type VNode } from "preact";
import { render } from "preact-render-to-string";
import { STALE_ID, Stale } from "./parts/stale.tsx";
import { Problem, problemOf } from "./problem.ts";
import { isStillSignedIn, type SignedIn } from "./visit.ts";

/** HTML by the id of the element that holds it. */
export type Parts = Readonly<Record<string, string>>;

export interface LiveOptions {
  /** Called at once, and again after `notify`. */
  readonly parts: () => Promise<Parts> | Parts;
  /** Calls `notify` when the parts may have changed; returns how to stop. */
  readonly watch: (notify: () => void) => () => void;
  /** The shortest time between two looks. Default: 1,000. */
  readonly everyMs?: number;
}

const EVERY_MS = 1_000;
/** Below the limit of proxies and of our server for idle connections. */
const COMMENT_EVERY_MS = 15_000;
const RETRY_MS = 2_000;
/** Streams of a session that has ended, or of a tab that was forgotten, end; an open page connects again. */
const MAX_STREAM_MS = 15 * 60_000;
const MAX_STREAMS = 200;
/** A viewer who is this far behind gets nothing new until they have read: the next round has the newest anyway. */
const MAX_WAITING_BYTES = 1_000_000;

let open = 0;

export function liveResponse(visit: SignedIn, live: LiveOptions): Response {
  const { request, options, session, now } = visit;
  if (open >= MAX_STREAMS)
    throw new Problem(
      503,
      "Too many pages are open",
      `This console follows at most ${MAX_STREAMS} pages live.`,
    );
  const stop = new AbortController();
  const forMs = Math.min(MAX_STREAM_MS, session.endsAt - now);
  const until = AbortSignal.any([
    request.signal,
    stop.signal,
    options.stopping,
    AbortSignal.timeout(Math.max(1, forMs)),
  ]);
  // The server sends no body then, so nobody would ever end the stream.
  const isHead = request.method === "HEAD";
  if (isHead) stop.abort();
  const encoder = new TextEncoder();
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async start(controller) {
      const isBehind = () => (controller.desiredSize ?? 0) <= 0;
      const send = (text: string) => until.aborted || controller.enqueue(encoder.encode(text));
      options.counts.streams((open += 1));
      send(`retry: ${RETRY_MS}\n\n`);
      const comments = setInterval(() => isBehind() || send(": still here\n\n"), COMMENT_EVERY_MS);
      try {
        for await (const changed of changes(visit, live, { until, isBehind }))
          send(`event: parts\ndata: ${JSON.stringify(changed)}\n\n`);
      } catch (error) {
        // The browser connects again.
        if (!until.aborted) options.onError(error, request);
      } finally {
        options.counts.streams((open -= 1));
        clearInterval(comments);
        if (!stop.signal.aborted && !request.signal.aborted) controller.close();
      }
    },
    cancel: () => stop.abort(),
  };
  const body = new ReadableStream(
    source,
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING_BYTES }),
  );
  const headers = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
  };
  return new Response(isHead ? null : body, { headers });
}

interface Reader {
  readonly until: AbortSignal;
  /** True while the viewer has not read what was sent. */
  readonly isBehind: () => boolean;
}

async function* changes(
  visit: SignedIn,
  { parts, watch, everyMs = EVERY_MS }: LiveOptions,
  { until, isBehind }: Reader,
): AsyncGenerator<Parts> {
  const sent = new Map<string, string>();
  const look = lookOrStale(visit, parts);
  let wake = Promise.withResolvers<void>();
  const unwatch = watch(() => wake.resolve());
  const ended = new Promise<void>((resolve) =>
    until.addEventListener("abort", () => resolve(), { once: true }),
  );
  try {
    while (!until.aborted && (await isStillSignedIn(visit))) {
      wake = Promise.withResolvers<void>();
      if (!isBehind()) {
        const now = await look();
        const changed = Object.entries(now).filter(([id, html]) => sent.get(id) !== withoutAges(html));
        for (const [id, html] of changed) sent.set(id, withoutAges(html));
        if (changed.length > 0) yield Object.fromEntries(changed);
      }
      await Promise.race([Bun.sleep(everyMs), ended]);
      await Promise.race([wake.promise, ended]);
    }
  } finally {
    unwatch();
  }
}

/**
 * The parts, or since when there are none. The first parts also take away what an earlier stream has said of that. Throws what is a bug.
 */
function lookOrStale({ options, request }: SignedIn, parts: LiveOptions["parts"]): () => Promise<Parts> {
  let unknownSince: number | null = null;
  return async () => {
    const begun = options.clock.now();
    try {
      const now = await parts();
      unknownSince = null;
      return { ...now, [STALE_ID]: "" };
    } catch (error) {
      const problem = problemOf(error);
      if (problem?.status !== 503) throw error;
      if (unknownSince === null) options.onError(error, request);
      unknownSince ??= begun;
      return { [STALE_ID]: render(h(Stale, { unknownSince, reason: problem.message })) };
    }
  };
}

/** The browser keeps "3 min ago" true by itself. */
function withoutAges(html: string): string {
  return html.replaceAll(/(<time[^>]*>)[^<]*/g, "$1");
}

export function rendered(nodes: Readonly<Record<string, VNode>>): Parts {
  return Object.fromEntries(Object.entries(nodes).map(([id, node]) => [id, render(node)]));
}

const made = new WeakMap<object, { readonly version: unknown; readonly parts: Parts }>();

/** For all viewers of one version of `of` the same HTML, so it is made once. Each `of` has one such page. */
export function shared(of: object, version: unknown, nodes: () => Readonly<Record<string, VNode>>): Parts {
  const known = made.get(of);
  if (known !== undefined && known.version === version) return known.parts;
  const parts = rendered(nodes());
  made.set(of, { version, parts });
  return parts;
}

export interface Polling<Data> {
  /** Called before the answer begins, so that what does not exist is a problem, and again for each look. */
  readonly load: () => Promise<Data>;
  readonly parts: (data: Data, now: number) => Readonly<Record<string, VNode>>;
  /** How long it is not looked at again, in milliseconds: what has ended changes rarely. */
  readonly restMs: (data: Data, now: number) => number;
  /** The shortest time between two looks. Default: 1,000. */
  readonly everyMs?: number;
}

/** A stream of data that reports no changes: it polls, at most once a second, and more rarely while nothing changes. */
export async function polled<Data>(
  visit: SignedIn,
  { load, parts, restMs, everyMs = EVERY_MS }: Polling<Data>,
): Promise<Response> {
  let newest = await loadedIfPossible(load);
  let nextLookAt = -Infinity;
  const look = async () => {
    const data = newest ?? (await load());
    newest = null;
    const now = visit.options.clock.now();
    // Of the monotonic clock: the wall clock may be set back.
    nextLookAt = performance.now() + restMs(data, now);
    return rendered(parts(data, now));
  };
  const watch = (notify: () => void) => {
    const timer = setInterval(() => performance.now() < nextLookAt || notify(), everyMs);
    return () => clearInterval(timer);
  };
  return liveResponse(visit, { parts: look, watch, everyMs });
}

/** Null if a server does not answer now: the stream says so, and goes on. */
async function loadedIfPossible<Data>(load: () => Promise<Data>): Promise<Data | null> {
  try {
    return await load();
  } catch (error) {
    if (problemOf(error)?.status === 503) return null;
    throw error;
  }
}
