// Gathers the provider's events, so that those that come together share a look and a transaction. Each is answered by itself, once
// what it changes is durable: what cannot be written, or wants a locked row, does the others no harm. Called by webhook-http.ts.
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
/** A locked row holds one group up for a moment; the other goes on. */
const MAX_GROUPS_IN_FLIGHT = 2;
/** A lone event hardly waits; at 90 a second a group gathers for 20 ms. Nobody waits for an event. */
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

  /** Rejects with what the database throws; then nothing has happened, and the provider must send the event again. */
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
      // Those of the group who were answered already stay answered.
      for (const { reject } of group) reject(error);
    }
  }

  /** Does `work` in as large parts as will go. Who makes it fail alone is told so; throws where the database is away. */
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
      answer(part, results);
    } catch (error) {
      if (database.faultOf(error) !== "locked") throw error;
      // The wait was in vain: those who want what is locked are sent away, all others go on.
      answer(part, await settleFreeEvents(this.#context, part), error);
    }
  }
}

/** `error` goes to those without a result. */
function answer(part: readonly Waiting[], results: readonly (WebhookResult | null)[], error?: unknown): void {
  for (const [index, { resolve, reject }] of part.entries()) {
    const result = results[index] ?? null;
    if (result === null) reject(error);
    else resolve(result);
  }
}
