// What a scene of the drill is. The scenes are in server-scenes.ts, money-scenes.ts, message-scenes.ts and access-scenes.ts.
import type { Arena } from "./arena.ts";

/** Ends the cause. The system recovers by itself then. */
export type Lift = () => Promise<void>;

export interface Scene {
  /** What is done to the system, in words. */
  readonly cause: string;
  /** How the cause ends, in words. */
  readonly end: string;
  /** The alerts that it must raise. A rule that exists once per role is named with its role: `RoleAbsent relay`. */
  readonly alerts: readonly string[];
  readonly inject: (arena: Arena) => Promise<Lift>;
}

/** The name of an alert in the drill, by its labels. */
export function nameOf(alertname: string, labels: Readonly<Record<string, string>>): string {
  const role = labels["role"];
  return role === undefined ? alertname : `${alertname} ${role}`;
}

/** For a cause that is over at once. Its alert looks back over a window, and stops when that is past. */
export const nothingToLift: Lift = () => Promise.resolve();

/** Repeats `once` until the returned function is called, and then waits for the last. */
export function repeatedly(once: () => Promise<void>): Lift {
  const over = new AbortController();
  const running = (async () => {
    while (!over.signal.aborted) await once();
  })();
  return () => {
    over.abort();
    return running;
  };
}
