// Finds the guilty messages of a batch whose transaction failed: split in halves until each stands alone, so that its
// neighbours go through. Pure control flow; called by the recipe and by the retry loop.

export interface Failure<Item> {
  readonly item: Item;
  readonly error: unknown;
}

export interface Attempt<Item> {
  /** Applies all of `part` or nothing. */
  apply(part: readonly Item[]): Promise<void>;
  /** Whether an error lies with the items; any other ends the whole attempt. */
  isGuilt(error: unknown): boolean;
}

/**
 * Applies `items` in order, in as large parts as will go, and returns the ones that fail even alone. One guilty message
 * among n costs about 2 log2(n) transactions; n guilty ones cost 2n.
 */
export async function isolate<Item>(
  items: readonly Item[],
  attempt: Attempt<Item>,
): Promise<Failure<Item>[]> {
  const [first] = items;
  if (first === undefined) return [];
  try {
    await attempt.apply(items);
    return [];
  } catch (error) {
    if (!attempt.isGuilt(error)) throw error;
    if (items.length === 1) return [{ item: first, error }];
  }
  const middle = Math.ceil(items.length / 2);
  const left = await isolate(items.slice(0, middle), attempt);
  const right = await isolate(items.slice(middle), attempt);
  return [...left, ...right];
}
