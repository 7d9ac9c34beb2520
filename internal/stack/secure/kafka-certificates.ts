// The certificates for Kafka in a stack with `--secure`: one for the brokers, one for each account that may use them. Made by stack.ts before
// anything starts; roles and tools get the paths (role-env.ts).
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ACCOUNTS, SUPER_USERS } from "../../../schemas/access.ts";
import { CertificateAuthority, THIS_MACHINE } from "./certificate-authority.ts";
import { type CertificateFiles, certificateFiles } from "./certificate-files.ts";

/** What a broker needs to prove itself and to check its clients. */
export interface BrokerCertificate extends CertificateFiles {
  /** PEM file with key and certificate, mode 0600: Kafka wants both in one file. */
  readonly keystoreFile: string;
}

export function certificatesFolder(dataDirectory: string): string {
  return join(dataDirectory, "certificates");
}

export function brokerCertificate(folder: string): BrokerCertificate {
  return {
    ...certificateFiles(folder, SUPER_USERS.brokers),
    keystoreFile: join(folder, `${SUPER_USERS.brokers}.keystore.pem`),
  };
}

/** Makes what is missing or about to expire. */
export async function ensureKafkaCertificates(folder: string): Promise<void> {
  const authority = await CertificateAuthority.open(folder);
  await authority.issue({ name: SUPER_USERS.brokers, hosts: THIS_MACHINE });
  writeKeystore(brokerCertificate(folder));
  for (const name of [...Object.keys(ACCOUNTS), SUPER_USERS.deploy]) await authority.issue({ name });
}

/** From key and certificate. */
export function writeKeystore({ keystoreFile, keyFile, certFile }: BrokerCertificate): void {
  const text = readFileSync(keyFile, "utf8") + readFileSync(certFile, "utf8");
  writeFileSync(keystoreFile, text, { mode: 0o600 });
  chmodSync(keystoreFile, 0o600);
}
