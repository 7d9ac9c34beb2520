// Where the certificates of a data directory are. Apart from certificate-authority.ts, because programs that only use the files need no
// library for making them.
import { join } from "node:path";

/** Paths of PEM files. */
export interface CertificateFiles {
  /** The authority's certificate: what the other side is checked against. */
  readonly caFile: string;
  readonly certFile: string;
  /** PKCS #8, mode 0600. */
  readonly keyFile: string;
}

/** The files of a server or an account. `name` may hold a placeholder. */
export function certificateFiles(folder: string, name: string): CertificateFiles {
  return {
    caFile: join(folder, "ca.crt"),
    certFile: join(folder, `${name}.crt`),
    keyFile: join(folder, `${name}.key`),
  };
}

/** The name of what the simulated PayPal signs its events with. */
export const PAYPAL_SIGNER = "events";
