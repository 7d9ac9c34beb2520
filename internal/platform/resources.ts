// What a role has opened, closed in reverse order when it stops. Like AsyncDisposableStack, but it knows names, so that the
// one who does not stop in time can be told, and a failure to close one does not keep the others open. Called by lifecycle.ts.

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

  /** Registers what is to be done when this point is reached on the way back. */
  defer(name: string, close: () => PromiseLike<void> | void): void {
    this.#entries.push({ name, close });
  }

  /** The one being closed now. */
  get closing(): string {
    return this.#closing;
  }

  /** Closes one after the other, the last registered first; returns those that threw. */
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
