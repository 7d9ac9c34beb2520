// What the processes of a stack stand for: a part has one or more processes, and belongs to us or plays somebody outside. Used by
// everything that prints or compares costs.

/** The provider simulator and the mail catcher play what is somebody else's machine in production. */
const OUTSIDE: ReadonlySet<string> = new Set(["paysim", "mail"]);
export const DRIVER = "driver";

/** `payment` of its replica `payment-2`, `kafka` of the broker `kafka-3`; a database keeps its name. */
export function partOf(processName: string): string {
  return processName.replace(/-\d+$/, "");
}

export function isOutside(processName: string): boolean {
  return OUTSIDE.has(partOf(processName));
}

/** The figures of the processes of each part, added up, largest first. */
export function byPart(figures: Readonly<Record<string, number>>): readonly (readonly [string, number])[] {
  const sums = new Map<string, number>();
  for (const [name, value] of Object.entries(figures))
    sums.set(partOf(name), (sums.get(partOf(name)) ?? 0) + value);
  return [...sums].toSorted(([, a], [, b]) => b - a);
}

/** Our own share of the figures, and that of the outside parties. */
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
