// Groups the processes of a stack into parts: a part has one or more processes, and is ours or simulates an outside party. Used by all
// code that prints or compares costs.

/** The provider simulator and the mail catcher stand for other parties' machines. */
const OUTSIDE: ReadonlySet<string> = new Set(["paysim", "mail"]);
export const DRIVER = "driver";

/** `payment` for the replica `payment-2`, `kafka` for the broker `kafka-3`; a database keeps its name. */
export function partOf(processName: string): string {
  return processName.replace(/-\d+$/, "");
}

export function isOutside(processName: string): boolean {
  return OUTSIDE.has(partOf(processName));
}

/** The sum of the process figures for each part, largest first. */
export function byPart(figures: Readonly<Record<string, number>>): readonly (readonly [string, number])[] {
  const sums = new Map<string, number>();
  for (const [name, value] of Object.entries(figures))
    sums.set(partOf(name), (sums.get(partOf(name)) ?? 0) + value);
  return [...sums].toSorted(([, a], [, b]) => b - a);
}

/** The sums of our own parts and of the outside parties. */
export function sides(figures: Readonly<Record<string, number>>): {
  readonly own: number;
  readonly outside: number;
} {
  let own = 0;
  let outside = 0;
  for (const [name, value] of Object.entries(figures)) {
    if (isOutside(name)) outside += value;
    else own += value;
  }
  return { own, outside };
}
