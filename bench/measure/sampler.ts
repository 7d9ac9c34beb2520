// Samples the running system once a second: queues from the roles' metrics, and CPU. Samples are few and cheap, because sampling is
// load. Memory is sampled less often, and only in runs about memory.
import { cpuMsByGroup } from "../processes.ts";
import type { System } from "../system.ts";
import { scrape } from "./metrics.ts";
import { memoryByGroup } from "./usage.ts";

const EVERY_MS = 1_000;
const MEMORY_EVERY_MS = 10_000;

export interface Sample {
  /** Epoch ms. */
  readonly at: number;
  /** By name: how much is waiting or in progress. */
  readonly queues: Readonly<Record<string, number>>;
  /** Messages that orchestrator, payment and relay have published since their start. With PUBLISH_AFTER_COMMIT=false these are all. */
  readonly published: number;
  /** CPU by process, since its start. */
  readonly cpuMs: Readonly<Record<string, number>>;
  /** Bytes by process, in some samples of some runs. */
  readonly memory?: Readonly<Record<string, number>>;
}

export interface SamplerOptions {
  /** False for an idle system, because the answers would be the measured work. */
  readonly asks: boolean;
  readonly memory: boolean;
}

export class Sampler {
  readonly samples: Sample[] = [];
  readonly #system: System;
  readonly #options: SamplerOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #memoryDue = 0;
  #isLooking = false;

  constructor(system: System, options: SamplerOptions) {
    this.#system = system;
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), EVERY_MS);
  }

  stop(): readonly Sample[] {
    clearInterval(this.#timer);
    return this.samples;
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const { queues, published } = this.#options.asks ? await queuesOf(this.#system) : NOTHING;
      const at = Date.now();
      const memory = this.#options.memory && at >= this.#memoryDue;
      if (memory) this.#memoryDue = at + MEMORY_EVERY_MS;
      this.samples.push({
        at,
        queues,
        published,
        cpuMs: Object.fromEntries(cpuMsByGroup(this.#system.processes)),
        ...(memory ? { memory: memoryByGroup(this.#system.processes) } : {}),
      });
    } finally {
      this.#isLooking = false;
    }
  }
}

const NOTHING = { queues: {}, published: 0 } as const;

/** The current numbers of waiting messages, charges and mails. A role that does not answer counts as 0. */
async function queuesOf({ addresses }: System): Promise<Pick<Sample, "queues" | "published">> {
  const answers = await Promise.all(
    Object.entries(addresses.ops)
      .filter(([role]) => /^(orchestrator|relay|payment|notification)/.test(role))
      .map(([, url]) => scrape(url)),
  );
  const sum = (name: string) => answers.reduce((total, metrics) => total + (metrics.get(name) ?? 0), 0);
  const queues: Record<string, number> = {
    "open sagas": sum("checkout_sagas_started_total") - sum("checkout_sagas_ended_total"),
    "charges in progress": sum("checkout_payment_requests_in_flight"),
    "mails waiting": sum("checkout_mails_waiting"),
  };
  // Each relay counts all unpublished events of a database, so take the maximum of the relays.
  for (const metrics of answers)
    for (const [series, value] of metrics) {
      const database = /^checkout_outbox_unpublished\{database="([^"]+)"\}$/.exec(series)?.[1];
      if (database !== undefined)
        queues[`unpublished, ${database}`] = Math.max(queues[`unpublished, ${database}`] ?? 0, value);
    }
  return { queues, published: sum("checkout_outbox_published_total") };
}
