// Looks at the running system once a second: queues, by the roles' own metrics, and CPU. Few and cheap looks, because looking is load.
// Memory is looked at now and then, and only in runs that are about memory.
import { cpuMsByGroup } from "../processes.ts";
import type { System } from "../system.ts";
import { scrape } from "./metrics.ts";
import { memoryByGroup } from "./usage.ts";

const EVERY_MS = 1_000;
const MEMORY_EVERY_MS = 10_000;

export interface Sample {
  /** Epoch ms. */
  readonly at: number;
  /** By name: how much waits there, or is under way. */
  readonly queues: Readonly<Record<string, number>>;
  /** Messages that orchestrator, payment and relay have given to Kafka since their start; all of them where all is left to the relay. */
  readonly published: number;
  /** By process, since its start. */
  readonly cpuMs: Readonly<Record<string, number>>;
  /** Bytes by process, in some samples of some runs. */
  readonly memory?: Readonly<Record<string, number>>;
}

export interface SamplerOptions {
  /** An idle system is not asked anything: the answer would be the work that is measured. */
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

/** Where messages, charges and mails wait just now; without what a role that is away would say. */
export async function queuesOf({ addresses }: System): Promise<Pick<Sample, "queues" | "published">> {
  const answers = await Promise.all(
    Object.entries(addresses.ops)
      .filter(([role]) => /^(orchestrator|relay|payment|notification)/.test(role))
      .map(([, url]) => scrape(url)),
  );
  const sum = (name: string) => answers.reduce((total, metrics) => total + (metrics.get(name) ?? 0), 0);
  const queues: Record<string, number> = {
    "open sagas": sum("checkout_sagas_started_total") - sum("checkout_sagas_ended_total"),
    "charges under way": sum("checkout_payment_requests_in_flight"),
    "mails waiting": sum("checkout_mails_waiting"),
  };
  // Each relay counts what its database has, whoever publishes it.
  for (const metrics of answers)
    for (const [series, value] of metrics) {
      const database = /^checkout_outbox_unpublished\{database="([^"]+)"\}$/.exec(series)?.[1];
      if (database !== undefined)
        queues[`unpublished, ${database}`] = Math.max(queues[`unpublished, ${database}`] ?? 0, value);
    }
  return { queues, published: sum("checkout_outbox_published_total") };
}
