// What Alertmanager has sent its receivers so far: which alerts fire, since when, and when they stopped. Pure.
import type { CaughtAlert } from "../servers/alert-catcher.ts";
import { nameOf } from "./scene.ts";

export class Heard {
  /** By name of the alert: its notifications, oldest first. One alert may fire for several sets of labels. */
  readonly #byName: ReadonlyMap<string, readonly CaughtAlert[]>;

  constructor(caught: readonly CaughtAlert[]) {
    this.#byName = Map.groupBy(caught, ({ labels }) => nameOf(labels["alertname"] ?? "", labels));
  }

  isFiring(name: string): boolean {
    const last = new Map(this.#of(name).map((alert) => [JSON.stringify(alert.labels), alert.status]));
    return [...last.values()].includes("firing");
  }

  /** When the first notification came that it fires, at or after `since` (epoch ms). */
  firedAt(name: string, since: number): number | undefined {
    return this.#of(name).find(({ status, received_at }) => status === "firing" && received_at >= since)
      ?.received_at;
  }

  /** When the last notification came that it does not fire any more; undefined while it fires for any labels. */
  stoppedAt(name: string): number | undefined {
    if (this.isFiring(name)) return undefined;
    return this.#of(name).findLast(({ status }) => status === "resolved")?.received_at;
  }

  #of(name: string): readonly CaughtAlert[] {
    return this.#byName.get(name) ?? [];
  }
}
