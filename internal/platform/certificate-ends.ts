// When the certificates end that a role reads from files: those of its accounts in Kafka, and those that the URLs of its databases and of Redis
// name. A metric, which lifecycle.ts registers before anything is opened: a role whose certificate has ended waits at its start.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { KafkaSecuritySettings } from "./kafka/security.ts";
import type { Metrics } from "./metrics.ts";

export interface NamedCertificate {
  /** The setting with its path, and in a URL the name there. */
  readonly purpose: string;
  readonly file: string;
  /** What others are checked against, not what this role shows. */
  readonly isAuthority: boolean;
  /** Only Postgres' clients read a file again while they run. */
  readonly isReadAgain: boolean;
}

/** Names that libpq and redis-py give to files in a URL. */
const IN_URL: Readonly<Record<string, Pick<NamedCertificate, "isAuthority" | "isReadAgain">>> = {
  sslrootcert: { isAuthority: true, isReadAgain: true },
  sslcert: { isAuthority: false, isReadAgain: true },
  ssl_ca_certs: { isAuthority: true, isReadAgain: false },
  ssl_certfile: { isAuthority: false, isReadAgain: false },
};
const PARAMETER = new RegExp(`[?&](${Object.keys(IN_URL).join("|")})=([^&,\\s]+)`, "g");
/** The public authorities, in no file of ours. */
const SYSTEM = "system";

/** Each file once per setting. `accounts`: the settings of each account in Kafka. */
export function certificatesIn(
  config: object,
  accounts: readonly KafkaSecuritySettings[],
): readonly NamedCertificate[] {
  const found = [...accounts.flatMap(ofKafka), ...Object.entries(config).flatMap(inUrls)];
  return [...new Map(found.map((one) => [`${one.purpose} ${one.file}`, one])).values()];
}

function ofKafka(account: KafkaSecuritySettings): readonly NamedCertificate[] {
  if ((account.KAFKA_SECURITY_PROTOCOL ?? "PLAINTEXT") === "PLAINTEXT") return [];
  return (["KAFKA_CA_FILE", "KAFKA_CERT_FILE"] as const).flatMap((purpose) => {
    const file = account[purpose];
    return file === undefined
      ? []
      : [{ purpose, file, isAuthority: purpose === "KAFKA_CA_FILE", isReadAgain: false }];
  });
}

function inUrls([setting, value]: readonly [string, unknown]): readonly NamedCertificate[] {
  if (typeof value !== "string") return [];
  return Array.from(value.matchAll(PARAMETER), ([, name = "", encoded = ""]) => {
    const file = new URLSearchParams(`file=${encoded}`).get("file") ?? "";
    const { isAuthority = false, isReadAgain = false } = IN_URL[name] ?? {};
    return { purpose: `${setting} ${name}`, file, isAuthority, isReadAgain };
  }).filter(({ file }) => file !== SYSTEM);
}

/**
 * Epoch ms; null if there is no certificate in the text. Of an authority's file the last end counts, because a new authority stands beside the
 * old one until all certificates are exchanged. Of a client's the first: its chain is good as long as each of it.
 */
export function endOf(pem: string, isAuthority: boolean): number | null {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  const ends = blocks.flatMap((block) => {
    try {
      return Date.parse(new X509Certificate(block).validTo);
    } catch {
      return [];
    }
  });
  if (ends.length === 0) return null;
  return isAuthority ? Math.max(...ends) : Math.min(...ends);
}

/** Register once per process, with the certificates as they are now. Exported also for internal/tools/references.ts, which lists all metrics. */
export function certificateMetrics(
  metrics: Pick<Metrics, "gauge">,
  named: readonly NamedCertificate[],
  now: () => number = Date.now,
): void {
  const certificates = named.map((one) => ({ one, read: new ReadCertificate(one, now()) }));
  metrics.gauge(
    "certificate_expires_timestamp_seconds",
    "Unix time at which a certificate ends that this role has read from a file",
    ["purpose", "file"],
    () =>
      certificates.flatMap(({ one: { purpose, file }, read }) => {
        const end = read.end(now());
        return end === null ? [] : [[{ purpose, file }, end / 1_000] as const];
      }),
  );
}

/** What the role has read of one file. */
class ReadCertificate {
  readonly #named: NamedCertificate;
  #text = "";
  #end: number | null = null;
  /** A role waits at its start while its certificate has ended, and takes the next one. */
  #isInUse = false;

  constructor(named: NamedCertificate, now: number) {
    this.#named = named;
    this.end(now);
  }

  /** Epoch ms; null before the file has a certificate. */
  end(now: number): number | null {
    if (this.#named.isReadAgain || !this.#isInUse) this.#read();
    this.#isInUse ||= this.#end !== null && this.#end > now;
    return this.#end;
  }

  #read(): void {
    try {
      const text = readFileSync(this.#named.file, "utf8");
      // A file with all public authorities takes milliseconds to parse.
      if (text === this.#text) return;
      const end = endOf(text, this.#named.isAuthority);
      if (end !== null) [this.#text, this.#end] = [text, end];
    } catch {
      // What was read before counts. The start reports a file that is not there.
    }
  }
}
