// Finds the poison messages of a failed batch: splits the batch until each poison message is alone, so that its neighbours succeed.
// Pure control flow; called by the message processor, the retry loop, the saga intake and the webhook intake.

export interface Failure<Item> {
  readonly item: Item;
  readonly error: unknown;
}

export interface Attempt<Item> {
  /** Applies all of `part` or nothing. */
  apply(part: readonly Item[]): Promise<void>;
  /** True when the items cause the error. Any other error ends the whole attempt. */
  isPoison(error: unknown): boolean;
  /**
   * How often a part that fails with this error is split. After that the part is returned whole, with its innocent items. For slow
   * errors, where setting an innocent item aside costs less than finding it. Undefined: no limit.
   */
  maxCuts?(error: unknown): number | undefined;
}

/**
 * Applies `items` in order, in parts as large as possible, and returns the items that fail even alone. One poison message among n
 * costs about 2 log2(n) transactions; n poison messages cost 2n.
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
