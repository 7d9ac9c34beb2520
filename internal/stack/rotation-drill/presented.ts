// The certificate that a server presents just now, seen by a client that connects. Used by the exchanges, to know that the new one is in use.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect as connectPlain, type Socket } from "node:net";
import { connect } from "node:tls";
import { waitUntil } from "../wait.ts";

/** Postgres' SSLRequest: its length, and the code 80877103. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const HOST = "127.0.0.1";
const PATIENCE_MS = 20_000;

/** Resolves when the server at this port presents the certificate of this file. `postgres`: it wants to be asked for encryption first. */
export async function untilPresented(
  certFile: string,
  port: number,
  kind: "tls" | "postgres" = "tls",
): Promise<void> {
  const wanted = new X509Certificate(readFileSync(certFile)).fingerprint256;
  await waitUntil(
    `port ${port} presents ${certFile}`,
    async () => (await fingerprintAt(port, kind)) === wanted,
    {
      timeoutMs: PATIENCE_MS,
      intervalMs: 200,
    },
  );
}

async function fingerprintAt(port: number, kind: "tls" | "postgres"): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  // Whose certificate it is, is the question; it is compared, not trusted.
  const options = { rejectUnauthorized: false };
  const shown = () => resolve(socket.getPeerCertificate().fingerprint256);
  const plain = kind === "postgres" ? await askedForEncryption(port) : undefined;
  const socket =
    plain === undefined
      ? connect({ host: HOST, port, ...options }, shown)
      : connect({ socket: plain, ...options }, shown);
  socket.on("error", reject);
  try {
    return await promise;
  } finally {
    socket.destroy();
    plain?.destroy();
  }
}

async function askedForEncryption(port: number): Promise<Socket> {
  const socket = connectPlain({ host: HOST, port });
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  socket.once("error", reject);
  socket.once("data", resolve);
  socket.once("connect", () => socket.write(SSL_REQUEST));
  const answer = (await promise).toString();
  if (answer !== "S") throw new Error(`Postgres does not encrypt: it answered ${answer}`);
  return socket;
}
