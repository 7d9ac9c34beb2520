// The open resources of a role, closed in reverse order when it stops. Like AsyncDisposableStack, but with names, so that the log
// can name a resource that does not stop in time. A failure to close one does not keep the others open. Called by lifecycle.ts.

export interface CloseFailure {
  readonly name: string;
  readonly error: unknown;
}

export class Resources {
  readonly #entries: { readonly name: string; readonly close: () => PromiseLike<void> | void }[] = [];
  #closing = "nothing";

  /** Registers and returns the resource. */
  use<Resource extends AsyncDisposable>(name: string, resource: Resource): Resource {
    this.#entries.push({ name, close: () => resource[Symbol.asyncDispose]() });
    return resource;
  }

  /** Registers a function that runs at this point of the reverse order. */
  defer(name: string, close: () => PromiseLike<void> | void): void {
    this.#entries.push({ name, close });
  }

  /** The name of the resource that is closing now. */
  get closing(): string {
    return this.#closing;
  }

  /** Closes all in reverse order, one after the other. Returns those that threw. */
  async close(): Promise<readonly CloseFailure[]> {
    const failures: CloseFailure[] = [];
    for (let entry = this.#entries.pop(); entry !== undefined; entry = this.#entries.pop()) {
      this.#closing = entry.name;
      try {
        await entry.close();
      } catch (error) {
        failures.push({ name: entry.name, error });
      }
    }
    return failures;
  }
}
