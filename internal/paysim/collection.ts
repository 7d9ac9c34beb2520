// Objects by id and in creation order, as the list endpoints page through them. Pure.

export interface Identified {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly createdMs: number;
}

export class Collection<T extends Identified> {
  readonly #items: T[] = [];
  readonly #positions = new Map<string, number>();

  get size(): number {
    return this.#items.length;
  }

  get(id: string): T | undefined {
    const position = this.#positions.get(id);
    return position === undefined ? undefined : this.#items[position];
  }

  at(position: number): T | undefined {
    return this.#items[position];
  }

  positionOf(id: string): number | undefined {
    return this.#positions.get(id);
  }

  /** In the order of their creation. */
  all(): readonly T[] {
    return this.#items;
  }

  /** Adds the item, or replaces its old state in the same position. */
  put(item: T): void {
    const position = this.#positions.get(item.id);
    if (position !== undefined) {
      this.#items[position] = item;
      return;
    }
    this.#positions.set(item.id, this.#items.length);
    this.#items.push(item);
  }
}
