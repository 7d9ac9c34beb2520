// Finds the poison messages of a batch whose transaction failed: split in halves until each stands alone, so that its
// neighbours go through. Pure control flow; called by the message processor and by the retry loop.

export interface Failure<Item> {
  readonly item: Item;
  readonly error: unknown;
}

export interface Attempt<Item> {
  /** Applies all of `part` or nothing. */
  apply(part: readonly Item[]): Promise<void>;
  /** Whether an error lies with the items; any other ends the whole attempt. */
  isPoison(error: unknown): boolean;
  /**
   * How often a part that fails so is cut in two; what fails after that is returned whole, innocents included. For errors that
   * take their time, where setting an innocent aside costs less than finding it. Without an answer there is no limit.
   */
  maxCuts?(error: unknown): number | undefined;
}

/**
 * Applies `items` in order, in as large parts as will go, and returns the ones that fail even alone. One poison message
 * among n costs about 2 log2(n) transactions; n poison messages cost 2n.
 */
export function bisect<Item>(items: readonly Item[], attempt: Attempt<Item>): Promise<Failure<Item>[]> {
  return bisectPart(items, attempt, 0);
}

async function bisectPart<Item>(
  items: readonly Item[],
  attempt: Attempt<Item>,
  cuts: number,
): Promise<Failure<Item>[]> {
  const [first] = items;
  if (first === undefined) return [];
  try {
    await attempt.apply(items);
    return [];
  } catch (error) {
    if (!attempt.isPoison(error)) throw error;
    if (items.length === 1) return [{ item: first, error }];
    const maxCuts = attempt.maxCuts?.(error);
    if (maxCuts !== undefined && cuts >= maxCuts) return items.map((item) => ({ item, error }));
  }
  const middle = Math.ceil(items.length / 2);
  const left = await bisectPart(items.slice(0, middle), attempt, cuts + 1);
  const right = await bisectPart(items.slice(middle), attempt, cuts + 1);
  return [...left, ...right];
}
