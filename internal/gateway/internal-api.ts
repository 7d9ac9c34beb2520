// HTTP calls to one of our services. Only an answer in the service's format counts: a proxy's 404 must not tell a shopper that
// something does not exist. Used by the clients of orchestrator, inventory, order and payment.
import type { Static, TSchema } from "@sinclair/typebox";
import type { TypeCheck } from "@sinclair/typebox/compiler";
import type { Problem } from "../../schemas/http.ts";
import type { Credential } from "../kernel/actor.ts";
import { AppError } from "../kernel/errors.ts";
import { isShut, sendSigned, shutText } from "../kernel/signed-call.ts";

/** What a service calls its error: `urn:checkout:problem:not-found`, `NO_SUCH_SAGA`. Nothing else can look like this by chance. */
const ERROR_NAME = /^(?:urn:[a-z0-9:-]{1,100}|[A-Z_]{1,50})$/;
const MEDIA_TYPE = /^[a-z]{1,20}\/[a-z0-9.+-]{1,60}/;

export interface Contract<Body extends TSchema, Fault extends TSchema> {
  readonly body: TypeCheck<Body>;
  readonly fault: TypeCheck<Fault>;
}

export type Answered<Body, Fault> =
  { readonly body: Body } | { readonly fault: Fault; readonly status: number };

const GATEWAY = { caller: "gateway", setting: "GATEWAY_PRIVATE_JWK", kind: "service" } as const;

export interface ServiceAt {
  readonly url: string;
  /** What the gateway proves itself with there. */
  readonly credential: Credential;
}

export class InternalApi {
  readonly #name: string;
  readonly #baseUrl: string;
  readonly #credential: Credential;

  /** `name` is for the log: `orchestrator`. */
  constructor(name: string, { url, credential }: ServiceAt) {
    this.#name = name;
    this.#baseUrl = url.replace(/\/$/, "");
    this.#credential = credential;
  }

  /** Throws SERVICE_UNAVAILABLE when the service does not answer, or not in its format, or does not let the gateway in. */
  async call<Body extends TSchema, Fault extends TSchema>(
    path: string,
    contract: Contract<Body, Fault>,
    init: RequestInit & { readonly signal: AbortSignal },
  ): Promise<Answered<Static<Body>, Static<Fault>>> {
    const response = await this.#send(path, init);
    const text = await response.text().catch((cause: unknown) => {
      throw this.#silent(cause);
    });
    const body = parsed(text);
    if (response.ok && contract.body.Check(body)) return { body };
    if (isShut(response)) throw this.#shut(response.status);
    if (!response.ok && contract.fault.Check(body)) return { fault: body, status: response.status };
    throw this.#strange(response, body);
  }

  /** Throws unless `path` answers 2xx, and lets the gateway in; for /readyz. */
  async ping(path: string, timeoutMs: number): Promise<void> {
    const response = await this.#send(path, { signal: AbortSignal.timeout(timeoutMs) });
    await response.body?.cancel();
    if (isShut(response)) throw this.#shut(response.status);
    if (!response.ok) throw this.#strange(response);
  }

  #send(path: string, init: RequestInit): Promise<Response> {
    return sendSigned(this.#credential, (authorization) => {
      const headers = new Headers(init.headers);
      headers.set("authorization", authorization);
      return this.#fetch(path, { ...init, headers });
    });
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

  #shut(status: number): AppError {
    const service = `the ${this.#name} at ${this.#baseUrl}`;
    const text = shutText({ ...GATEWAY, service }, status);
    return new AppError("SERVICE_UNAVAILABLE", text);
  }

  /** Never quotes the answer: it may hold a shopper's address or a secret of a payment, and the message is logged. */
  #strange({ status, headers }: Response, body?: unknown): AppError {
    const what =
      errorNameIn(body) ?? MEDIA_TYPE.exec(headers.get("content-type") ?? "")?.[0] ?? "no media type";
    return new AppError(
      "SERVICE_UNAVAILABLE",
      `${this.#baseUrl} does not answer like the ${this.#name}: ${status} ${what}`,
    );
  }
}

/** The `type` of a problem or the `error` of a fault. */
function errorNameIn(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const names: readonly unknown[] = ["type" in body ? body.type : "", "error" in body ? body.error : ""];
  return names.find((name): name is string => typeof name === "string" && ERROR_NAME.test(name));
}

/** Undefined if the text is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Throws what a problem of a service means here. Without its detail, which may quote what was asked for. */
export function refused(service: string, { status, type }: Problem): never {
  const code = status === 503 ? "SERVICE_UNAVAILABLE" : "MESSAGE_INVALID";
  throw new AppError(code, `${service} answered ${status} ${type}`);
}
