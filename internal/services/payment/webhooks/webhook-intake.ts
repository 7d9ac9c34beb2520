// Groups the provider's events, so that events that arrive together share a lookup and a transaction. Each gets its own result, after
// its change is durable: an event that cannot be saved or needs a locked row does not affect the others. Called by webhook-http.ts.
import { lingerMs } from "../../../messaging/linger.ts";
import { Groups } from "../../../messaging/groups.ts";
import { MAX_CUTS_WHEN_LOCKED } from "../../../messaging/held-rows.ts";
import { bisect } from "../../../messaging/bisect.ts";
import type { WebhookEvent } from "../providers/webhook-reader.ts";
import {
  glanceAt,
  type OpenEvent,
  type WebhookResult,
  settleFreeEvents,
  settleEvents,
  type WebhookContext,
} from "./webhook.ts";

const MAX_GROUP = 200;
/** A locked row delays one group for a moment; the other goes on. */
const MAX_GROUPS_IN_FLIGHT = 2;
/** A lone event hardly waits; at 90 events per second a group lingers for 20 ms. No shopper waits for an event. */
const LONE_LINGER_MS = 2;
const LONGEST_LINGER_MS = 100;
const EVENTS_PER_SECOND_PER_MS = 5;

interface Waiting {
  readonly event: WebhookEvent;
  readonly resolve: (result: WebhookResult) => void;
  readonly reject: (error: unknown) => void;
}

export class WebhookIntake {
  readonly #context: WebhookContext;
  readonly #groups: Groups<Waiting>;

  constructor(context: WebhookContext) {
    this.#context = context;
    this.#groups = new Groups({
      maxGroup: MAX_GROUP,
      maxInFlight: MAX_GROUPS_IN_FLIGHT,
      lingerMs: (load) =>
        Math.min(
          LONGEST_LINGER_MS,
          LONE_LINGER_MS + load.messagesPerSecond / EVENTS_PER_SECOND_PER_MS + lingerMs(load),
        ),
      serve: (group) => this.#serve(group),
    });
  }

  /** Rejects with the database's error; then nothing has changed, and the provider must resend the event. */
  receive(event: WebhookEvent): Promise<WebhookResult> {
    const { promise, resolve, reject } = Promise.withResolvers<WebhookResult>();
    this.#groups.add({ event, resolve, reject });
    return promise;
  }

  async #serve(group: readonly Waiting[]): Promise<void> {
    try {
      const open: (Waiting & OpenEvent)[] = [];
      await this.#apart(group, async (part) => {
        const glances = await glanceAt(
          this.#context,
          part.map(({ event }) => event),
        );
        for (const [index, waiting] of part.entries()) {
          const glance = glances[index];
          if (typeof glance === "object") open.push({ ...waiting, ...glance });
          else if (glance !== undefined) waiting.resolve(glance);
        }
      });
      await this.#apart(open, (part) => this.#settle(part));
    } catch (error) {
      // Events of the group that already have a result keep it.
      for (const { reject } of group) reject(error);
    }
  }

  /** Runs `work` on the largest possible parts. A poison event is rejected alone; throws if the database is unavailable. */
  async #apart<Item extends Waiting>(
    items: readonly Item[],
    work: (part: readonly Item[]) => Promise<void>,
  ): Promise<void> {
    const { database } = this.#context;
    const failures = await bisect(items, {
      apply: work,
      isPoison: (error) => database.faultOf(error) !== "unavailable",
      maxCuts: (error) => (database.faultOf(error) === "locked" ? MAX_CUTS_WHEN_LOCKED : undefined),
    });
    for (const { item, error } of failures) item.reject(error);
  }

  async #settle(part: readonly (Waiting & OpenEvent)[]): Promise<void> {
    const { database } = this.#context;
    try {
      const results = await settleEvents(this.#context, part);
      resolveEach(part, results);
    } catch (error) {
      if (database.faultOf(error) !== "locked") throw error;
      // The wait for the lock timed out: events that need a locked row are rejected, all others go on.
      resolveEach(part, await settleFreeEvents(this.#context, part), error);
    }
  }
}

/** Events without a result get `error`. */
function resolveEach(
  part: readonly Waiting[],
  results: readonly (WebhookResult | null)[],
  error?: unknown,
): void {
  for (const [index, { resolve, reject }] of part.entries()) {
    const result = results[index] ?? null;
    if (result === null) reject(error);
    else resolve(result);
  }
}
