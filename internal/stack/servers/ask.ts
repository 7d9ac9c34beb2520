// Sends one request to a local TCP server and reads the first bytes of the answer. This is enough to probe Redis or Kafka, without a
// client library that reconnects and retries on its own.

const ANSWER_TIMEOUT_MS = 2_000;

/** Contents of PEM files. */
export interface AskTls {
  readonly ca: string;
  /** Both, for a server that asks who we are. */
  readonly cert?: string;
  readonly key?: string;
}

/** Connects to 127.0.0.1, sends `question` and resolves with the first chunk. Rejects if refused, closed, or on a timeout. */
export function ask(port: number, question: Uint8Array, tls?: AskTls): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const timer = setTimeout(() => reject(new Error(`no answer on port ${port}`)), ANSWER_TIMEOUT_MS);
  const connection = Bun.connect({
    hostname: "127.0.0.1",
    port,
    ...(tls === undefined ? {} : { tls }),
    socket: {
      open: (socket) => void socket.write(question),
      data: (_socket, chunk) => resolve(Buffer.from(chunk)),
      close: () => reject(new Error(`port ${port} closed the connection`)),
      connectError: (_socket, error) => reject(error),
    },
  });
  connection.catch(reject);
  return promise.finally(() => {
    clearTimeout(timer);
    void connection.then((socket) => socket.end()).catch(() => {});
  });
}
