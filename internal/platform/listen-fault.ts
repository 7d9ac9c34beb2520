// Turns a failed listen into an error that names the address and the fix. Called by ops-http.ts, serve-http.ts and paysim.
import { AppError } from "../kernel/errors.ts";

/** These faults do not go away by themselves, so a service manager must not restart the role again and again. */
const LASTING: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process uses this port",
  EACCES: "this user may not open this port",
};

/**
 * The error to throw for `cause`, the failure to listen. `settings` names the settings with the address, for example `HOST and
 * PORT`. CONFIG_INVALID if the fault lasts, else SERVICE_UNAVAILABLE, because a network interface may still come up.
 */
export function listenFault(
  cause: unknown,
  { hostname, port }: { readonly hostname: string; readonly port: number },
  settings: string,
): AppError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const why = LASTING[code];
  const reason = why ?? `the address is not available (${code})`;
  return new AppError(
    why === undefined ? "SERVICE_UNAVAILABLE" : "CONFIG_INVALID",
    `cannot listen on ${hostname}:${port}: ${reason}; set ${settings} to a free address, or free this one`,
    { cause },
  );
}
