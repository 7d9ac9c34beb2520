// The processes of one stack by name: launch, find, probe, stop. stack.ts decides the order.
import { type Child, describeExit } from "./child.ts";
import { type Definition, type Managed, start } from "./managed.ts";
import type { ProcessState } from "./state.ts";

export class Processes {
  readonly #children = new Map<string, Child>();
  readonly #managed = new Map<string, Managed>();
  readonly #stopping: AbortSignal;
  readonly #onChange: () => void;

  /** After `stopping` nothing is started any more. Calls `onChange` at every start and every end. */
  constructor(stopping: AbortSignal, onChange: () => void) {
    this.#stopping = stopping;
    this.#onChange = onChange;
  }

  /** Resolves when it is ready. */
  async launch(definition: Definition): Promise<void> {
    this.#stopping.throwIfAborted();
    const managed = await start(definition, (child) => {
      this.#children.set(definition.name, child);
      // A process that starts while the others are stopped would not be stopped otherwise.
      if (this.#stopping.aborted) child.kill("SIGKILL");
      this.#onChange();
      void child.exited.then(this.#onChange);
    });
    this.#managed.set(definition.name, managed);
  }

  async stop(definitions: readonly Definition[]): Promise<void> {
    const present = definitions.flatMap(({ name }) => this.#children.get(name) ?? []);
    await Promise.all(present.map((child) => child.stop()));
  }

  /** Throws if no process with this name was ever ready. */
  find(name: string): Managed {
    const found = this.#managed.get(name);
    if (found !== undefined) return found;
    throw new Error(`this stack has no ${name}; choose from ${[...this.#managed.keys()].join(", ")}`);
  }

  /** The state of every process started so far. */
  states(definitions: readonly Definition[]): ProcessState[] {
    return definitions.flatMap(({ name, address, ports, logFile }) => {
      const child = this.#children.get(name);
      if (child === undefined) return [];
      const exit = child.exit();
      return { name, pid: child.pid, address, ports, log_file: logFile, exit: exit && describeExit(exit) };
    });
  }

  /** The same, with a health probe of each. */
  async askedStates(definitions: readonly Definition[]): Promise<ProcessState[]> {
    const healthOf = async (state: ProcessState) =>
      state.exit === null && ((await this.#managed.get(state.name)?.probe()) ?? false);
    return Promise.all(
      this.states(definitions).map(async (state) => ({ ...state, healthy: await healthOf(state) })),
    );
  }
}
