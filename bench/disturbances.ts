// What some scenarios do to the system while it is measured, from outside: by the provider simulator's control API and by the stack's
// own command line. Each ends what it began.
import { limitProvider } from "../internal/faults/provider-faults.ts";
import type { Sample } from "./measure/sampler.ts";
import type { System } from "./system.ts";

export interface Disturbance {
  /** Between two moments, epoch ms. */
  run(system: System, from: number, until: number): Promise<void>;
  /** What came of it, by name, for people. `until` in epoch ms: when it was over. */
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
    // The relay counts what waits when it starts; until then it says nothing.
    const first = after.find((sample) => waiting(sample) > 0);
    const done =
      first === undefined ? undefined : after.find((sample) => sample.at > first.at && waiting(sample) === 0);
    if (first === undefined || done === undefined)
      return { "relay outage": "nothing waited, or not all was published" };
    const seconds = (done.at - until) / 1_000;
    return {
      "waiting when the relay was back": String(waiting(first)),
      "all published after": `${seconds.toFixed(0)} s, what came meanwhile included`,
      "published a second meanwhile": (done.published / seconds).toFixed(0),
    };
  },
};
