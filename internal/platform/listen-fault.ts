// What it means that a server cannot listen, in words that name the address and the way out. Called by whoever opens a port.
import { AppError } from "../kernel/errors.ts";

/** Nothing that comes by itself makes these go away, so a service manager must not start the role again and again. */
const LASTING: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process has this port",
  EACCES: "this user may not have this port",
};

/**
 * The error to throw for `cause`, which came of listening on an address that `settings` (as `HOST and PORT`) gave:
 * CONFIG_INVALID where it lasts, else SERVICE_UNAVAILABLE, because an interface may still come up.
 */
export function listenFault(
  cause: unknown,
  { hostname, port }: { readonly hostname: string; readonly port: number },
  settings: string,
): AppError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const why = LASTING[code];
  const reason = why ?? `the address cannot be had (${code})`;
  return new AppError(
    why === undefined ? "SERVICE_UNAVAILABLE" : "CONFIG_INVALID",
    `cannot listen on ${hostname}:${port}: ${reason}; set ${settings} to a free address, or stop who has it`,
    { cause },
  );
}
