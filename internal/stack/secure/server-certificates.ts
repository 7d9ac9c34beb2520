// The certificates of Postgres and Redis in a stack with `--secure`. Made by stack.ts before anything starts, beside those of Kafka.
import { CertificateAuthority, THIS_MACHINE } from "./certificate-authority.ts";
import { type CertificateFiles, certificateFiles } from "./certificate-files.ts";
import { SUPERUSER } from "./accounts.ts";

const SERVERS = ["postgres", "redis"] as const;

export interface ServerCertificates extends Readonly<Record<(typeof SERVERS)[number], CertificateFiles>> {
  /** Of the superuser of Postgres, for the first connection. */
  readonly superuser: CertificateFiles;
}

export function serverCertificates(folder: string): ServerCertificates {
  return {
    postgres: certificateFiles(folder, "postgres"),
    redis: certificateFiles(folder, "redis"),
    superuser: certificateFiles(folder, SUPERUSER),
  };
}

/** Makes what is missing or about to expire. */
export async function ensureServerCertificates(folder: string): Promise<void> {
  const authority = await CertificateAuthority.open(folder);
  for (const name of SERVERS) await authority.issue({ name, hosts: THIS_MACHINE });
  await authority.issue({ name: SUPERUSER });
}
