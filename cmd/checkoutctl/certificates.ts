// When the certificates end behind addresses that use TLS: https, rediss, and Postgres with `sslmode`. Called by `checkoutctl doctor`.
// It reads the certificate whoever signed it; only the client itself can say whether it trusts it.
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { once } from "node:events";
import { AppError } from "../../internal/kernel/errors.ts";
import { hostsOf, urlOf } from "../../internal/platform/postgres-address.ts";
import { textOf } from "../../internal/platform/server-place.ts";

export interface TlsAddress {
  /** The setting. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Postgres asks for TLS in its own protocol first. */
  readonly isPostgres: boolean;
}

const PORTS: Readonly<Record<string, number>> = {
  "https:": 443,
  "rediss:": 6_379,
  "postgres:": 5_432,
  "postgresql:": 5_432,
};
const TIMEOUT_MS = 3_000;
/** SSLRequest of the Postgres protocol: its length, and the code 80877103. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const YES = "S".charCodeAt(0);

/** The addresses in a setting, if they use TLS: one, or those of all hosts of a database. */
export function tlsAddresses(name: string, text: string | undefined): readonly TlsAddress[] {
  const hosts = hostsOf(text ?? "");
  if (hosts.length > 1)
    return hosts.flatMap((host) =>
      tlsAddresses(name, urlOf(text ?? "", host)).map((one) => ({
        ...one,
        name: `${name}, ${textOf(host)}`,
      })),
    );
  const url = URL.parse(text ?? "");
  const port = url === null ? undefined : PORTS[url.protocol];
  if (url === null || port === undefined) return [];
  const isPostgres = url.protocol.startsWith("postgres");
  const mode = url.searchParams.get("sslmode") ?? url.searchParams.get("ssl") ?? "disable";
  if (isPostgres && ["disable", "false"].includes(mode)) return [];
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return [{ name, host, port: url.port === "" ? port : Number(url.port), isPostgres }];
}

/** Epoch ms. Throws SERVICE_UNAVAILABLE if no TLS server answers. */
export async function certificateEnd({ host, port, isPostgres }: TlsAddress): Promise<number> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const tcp = connectTcp({ host, port });
  try {
    await once(tcp, "connect", { signal });
    if (isPostgres) await askForTls(tcp, signal);
    // TLS has no server name for an IP address.
    const name = isIP(host) === 0 ? { servername: host } : {};
    const tls = connectTls({ socket: tcp, ...name, rejectUnauthorized: false });
    await once(tls, "secureConnect", { signal });
    const { valid_to } = tls.getPeerCertificate();
    tls.destroy();
    return Date.parse(valid_to);
  } catch (cause) {
    throw new AppError("SERVICE_UNAVAILABLE", `no TLS server answers at ${host}:${port}`, { cause });
  } finally {
    tcp.destroy();
  }
}

async function askForTls(tcp: Socket, signal: AbortSignal): Promise<void> {
  tcp.write(SSL_REQUEST);
  const [answer]: unknown[] = await once(tcp, "data", { signal });
  if (!Buffer.isBuffer(answer) || answer[0] !== YES) throw new Error("Postgres has TLS switched off");
}
