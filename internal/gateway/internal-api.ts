// HTTP calls to one of our services. Only an answer in the service's format counts: a proxy's 404 must not tell a shopper that
// something does not exist. Used by the clients of orchestrator, inventory, order and payment.
import type { Static, TSchema } from "@sinclair/typebox";
import type { TypeCheck } from "@sinclair/typebox/compiler";
import { AppError } from "../kernel/errors.ts";

/** Maximum length of an unexpected answer in the log. */
const MAX_QUOTED_LENGTH = 200;

export interface Contract<Body extends TSchema, Fault extends TSchema> {
  readonly body: TypeCheck<Body>;
  readonly fault: TypeCheck<Fault>;
}

export type Answered<Body, Fault> =
  { readonly body: Body } | { readonly fault: Fault; readonly status: number };

export class InternalApi {
  readonly #name: string;
  readonly #baseUrl: string;
  readonly #isQuoted: boolean;

  /** `name` is for the log: `orchestrator`. `isQuoted: false` if an answer could hold a secret. */
  constructor(name: string, url: string, { isQuoted = true } = {}) {
    this.#name = name;
    this.#isQuoted = isQuoted;
    this.#baseUrl = url.replace(/\/$/, "");
  }

  /** Throws SERVICE_UNAVAILABLE when the service does not answer, or not in its format. */
  async call<Body extends TSchema, Fault extends TSchema>(
    path: string,
    contract: Contract<Body, Fault>,
    init: RequestInit & { readonly signal: AbortSignal },
  ): Promise<Answered<Static<Body>, Static<Fault>>> {
    const response = await this.#fetch(path, init);
    const text = await response.text().catch((cause: unknown) => {
      throw this.#silent(cause);
    });
    const body = parsed(text);
    if (response.ok && contract.body.Check(body)) return { body };
    if (!response.ok && contract.fault.Check(body)) return { fault: body, status: response.status };
    throw this.#strange(response, text);
  }

  /** Throws unless `path` answers 2xx; for /readyz. */
  async ping(path: string, timeoutMs: number): Promise<void> {
    const response = await this.#fetch(path, { signal: AbortSignal.timeout(timeoutMs) });
    await response.body?.cancel();
    if (!response.ok) throw this.#strange(response, "");
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(this.#baseUrl + path, { ...init, redirect: "error" });
    } catch (cause) {
      throw this.#silent(cause);
    }
  }

  #silent(cause: unknown): AppError {
    const message = `the ${this.#name} at ${this.#baseUrl} does not answer`;
    return new AppError("SERVICE_UNAVAILABLE", message, { cause });
  }

  #strange({ status }: Response, text: string): AppError {
    const quoted = this.#isQuoted ? ` ${JSON.stringify(text.slice(0, MAX_QUOTED_LENGTH))}` : "";
    return new AppError(
      "SERVICE_UNAVAILABLE",
      `${this.#baseUrl} does not answer like the ${this.#name}: ${status}${quoted}`,
    );
  }
}

/** Undefined if the text is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
