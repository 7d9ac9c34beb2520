// Explores every state a model can reach, breadth first, so the first violation found has a shortest path. Independent of
// checkouts. Called by main.ts and the model's tests.
//
// A state is stored as a 64-bit hash of its key. Among ten million states, the chance that any two collide and one is hidden is
// below one in a hundred thousand.

export interface Model<World> {
  readonly initial: World;
  /** All possible next steps. Their order must depend only on the world, because a path is replayed by positions. */
  successors(world: World): readonly Successor<World>[];
  /** Equal for equivalent worlds, and only for those. */
  key(world: World): string;
  /** The names of the invariants that this world breaks. */
  violations(world: World): readonly string[];
  /** True if everything is finished. Every world must be able to reach such a world. */
  isEnd(world: World): boolean;
}

export interface Successor<World> {
  readonly action: string;
  readonly world: World;
}

export interface Violation {
  readonly invariant: string;
  /** The actions that lead there from the initial state. */
  readonly path: readonly string[];
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** The longest shortest path from the initial state. */
  readonly depth: number;
  readonly violations: readonly Violation[];
  /** False if the state limit was reached first. */
  readonly isComplete: boolean;
}

export interface ExploreOptions {
  readonly maxStates: number;
  readonly maxViolations?: number;
  readonly onProgress?: (states: number, depth: number) => void;
}

const PROGRESS_EVERY = 100_000;
const DEFAULT_MAX_VIOLATIONS = 1;

export function explore<World>(model: Model<World>, options: ExploreOptions): Exploration {
  const seen = new StateIndex();
  const parents = new Numbers();
  const actions = new Numbers();
  const edges = { from: new Numbers(), to: new Numbers() };
  const ends: number[] = [];
  const violations: Violation[] = [];
  const maxViolations = options.maxViolations ?? DEFAULT_MAX_VIOLATIONS;

  const admit = (world: World, parent: number, action: number): boolean => {
    const { index, isNew } = seen.add(model.key(world));
    if (parent >= 0) {
      edges.from.push(parent);
      edges.to.push(index);
    }
    if (!isNew) return false;
    parents.push(parent);
    actions.push(action);
    if (model.isEnd(world)) ends.push(index);
    for (const invariant of model.violations(world)) {
      if (violations.length < maxViolations)
        violations.push({ invariant, path: pathTo(model, index, parents, actions) });
    }
    return true;
  };

  admit(model.initial, -1, 0);
  let frontier: { readonly index: number; readonly world: World }[] = [{ index: 0, world: model.initial }];
  let depth = 0;
  let isComplete = true;
  let reported = 0;
  while (frontier.length > 0 && violations.length < maxViolations) {
    const next: typeof frontier = [];
    for (const { index, world } of frontier) {
      model.successors(world).forEach((successor, action) => {
        if (admit(successor.world, index, action))
          next.push({ index: seen.size - 1, world: successor.world });
      });
      if (seen.size - reported >= PROGRESS_EVERY) {
        reported = seen.size;
        options.onProgress?.(seen.size, depth);
      }
      if (violations.length >= maxViolations) break;
      if (seen.size >= options.maxStates) {
        isComplete = false;
        break;
      }
    }
    if (!isComplete) break;
    if (next.length > 0) depth += 1;
    frontier = next;
  }
  // States at the edge of an incomplete exploration have no known successors, so this check needs a complete one.
  if (isComplete && violations.length === 0) {
    const stuck = firstThatCannotEnd(seen.size, edges, ends);
    if (stuck !== null)
      violations.push({
        invariant: "every saga can reach a terminal state",
        path: pathTo(model, stuck, parents, actions),
      });
  }
  return { states: seen.size, transitions: edges.from.length, depth, violations, isComplete };
}

/** The actions from the initial state to a state: walks to the root and replays the positions. */
function pathTo<World>(model: Model<World>, index: number, parents: Numbers, actions: Numbers): string[] {
  const positions: number[] = [];
  for (let at = index; parents.at(at) >= 0; at = parents.at(at)) positions.push(actions.at(at));
  const path: string[] = [];
  let world = model.initial;
  for (const position of positions.toReversed()) {
    const successor = model.successors(world)[position];
    if (successor === undefined)
      throw new Error("the model's successors depend on more than the world: make them deterministic");
    path.push(successor.action);
    world = successor.world;
  }
  return path;
}

/** Walks the edges backwards from all end states. A state that is not reached cannot finish. */
function firstThatCannotEnd(
  states: number,
  edges: { readonly from: Numbers; readonly to: Numbers },
  ends: readonly number[],
): number | null {
  // Compressed adjacency, by target: `starts[t]` to `starts[t + 1]` are the positions of t's predecessors.
  const starts = new Int32Array(states + 1);
  for (let i = 0; i < edges.to.length; i++) starts[edges.to.at(i) + 1]! += 1;
  for (let i = 0; i < states; i++) starts[i + 1]! += starts[i]!;
  const fill = starts.slice();
  const predecessors = new Int32Array(edges.from.length);
  for (let i = 0; i < edges.to.length; i++) {
    const target = edges.to.at(i);
    predecessors[fill[target]!] = edges.from.at(i);
    fill[target]! += 1;
  }
  const canEnd = new Uint8Array(states);
  const queue = [...ends];
  for (const end of ends) canEnd[end] = 1;
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    for (let i = starts[state]!; i < starts[state + 1]!; i++) {
      const predecessor = predecessors[i]!;
      if (canEnd[predecessor] === 1) continue;
      canEnd[predecessor] = 1;
      queue.push(predecessor);
    }
  }
  const stuck = canEnd.indexOf(0);
  return stuck === -1 ? null : stuck;
}

/** A growing Int32Array: a plain array of ten million numbers costs several times as much. */
class Numbers {
  #values = new Int32Array(1_024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const grown = new Int32Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index]!;
  }
}

/** Gives each new key the next number. Open addressing over 64-bit hashes. */
class StateIndex {
  #hashes = new BigUint64Array(1 << 16);
  #numbers = new Int32Array(1 << 16);
  size = 0;

  add(key: string): { readonly index: number; readonly isNew: boolean } {
    if (this.size * 2 >= this.#hashes.length) this.#grow();
    // 0 marks a free slot.
    const hash = Bun.hash(key) || 1n;
    const slot = this.#slotOf(hash);
    if (this.#hashes[slot] !== 0n) return { index: this.#numbers[slot]!, isNew: false };
    this.#hashes[slot] = hash;
    this.#numbers[slot] = this.size;
    return { index: this.size++, isNew: true };
  }

  #slotOf(hash: bigint): number {
    const mask = this.#hashes.length - 1;
    let slot = Number(hash & BigInt(mask));
    while (this.#hashes[slot] !== 0n && this.#hashes[slot] !== hash) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const numbers = this.#numbers;
    this.#hashes = new BigUint64Array(hashes.length * 2);
    this.#numbers = new Int32Array(hashes.length * 2);
    hashes.forEach((hash, i) => {
      if (hash === 0n) return;
      const slot = this.#slotOf(hash);
      this.#hashes[slot] = hash;
      this.#numbers[slot] = numbers[i]!;
    });
  }
}
