// For a driver whose sockets come from postgres-hosts.ts, which may take seconds to make one. A driver that is ended meanwhile (postgres 3.4.9,
// src/connection.js) takes the socket all the same, signs in, and keeps a connection that nobody uses until its lifetime ends. Called by
// postgres-pool.ts and transaction-connection.ts.
import type { Duplex } from "node:stream";

/** The driver's types lack it. */
interface MakesSockets {
  readonly socket?: () => Promise<Duplex>;
}

/** The options, with sockets that are closed if `isEnded` by the time that they are made. */
export function untilEnded<Options extends object>(
  options: Options & MakesSockets,
  isEnded: () => boolean,
): Options {
  const { socket: make } = options;
  if (make === undefined) return options;
  const socket = async () => {
    const made = await make();
    if (isEnded()) made.destroy();
    return made;
  };
  return Object.assign({ ...options }, { socket });
}
