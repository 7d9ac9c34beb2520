// Disturbances that some scenarios cause during the measurement, from outside: through the provider simulator's control API and the
// stack's command line. Each ends what it started.
import { limitProvider } from "../internal/faults/provider-faults.ts";
import type { Sample } from "./measure/sampler.ts";
import type { System } from "./system.ts";

export interface Disturbance {
  /** Runs from `from` to `until` (epoch ms). */
  run(system: System, from: number, until: number): Promise<void>;
  /** The results by name, for people. `until` (epoch ms) is the end of the disturbance. */
  findings?(samples: readonly Sample[], until: number): Readonly<Record<string, string>>;
}

export const providerOutage: Disturbance = {
  async run({ addresses }, from, until) {
    const third = (until - from) / 3;
    await Bun.sleep(third);
    const end = await limitProvider(addresses.paysim, { unavailable_rate: 1, retry_after_seconds: 1 });
    await Bun.sleep(third);
    await end();
  },
};

export const relayOutage: Disturbance = {
  async run(system, _, until) {
    await system.control("kill", "relay");
    await Bun.sleep(until - Date.now());
    await system.control("restart", "relay");
    await system.refresh();
  },
  findings(samples, until) {
    const after = samples.filter(({ at }) => at >= until);
    const waiting = ({ queues }: Sample) =>
      Object.entries(queues)
        .filter(([name]) => name.startsWith("unpublished"))
        .reduce((sum, [, depth]) => sum + depth, 0);
    // The relay counts waiting events when it starts; before that there is no figure.
    const first = after.find((sample) => waiting(sample) > 0);
    const done =
      first === undefined ? undefined : after.find((sample) => sample.at > first.at && waiting(sample) === 0);
    if (first === undefined || done === undefined)
      return { "relay outage": "no event waited, or not all were published" };
    const seconds = (done.at - until) / 1_000;
    return {
      "waiting when the relay was back": String(waiting(first)),
      "all published after": `${seconds.toFixed(0)} s, including new events`,
      "published per second": (done.published / seconds).toFixed(0),
    };
  },
};
