// The certificates behind the events of the simulated PayPal, in every stack: it signs with one, and the payment service knows the authority
// of that one. The authority is not that of a stack with `--secure`: whoever may sign PayPal's events may not speak for a server. Made by
// stack.ts before anything starts, and for Docker by compose-secrets.ts; role-env.ts says where they are.
import { CertificateAuthority } from "./certificate-authority.ts";
import { PAYPAL_SIGNER } from "./certificate-files.ts";

/** Makes what is missing or about to expire. RSA, as PayPal's. */
export async function ensurePayPalCertificates(folder: string): Promise<void> {
  const authority = await CertificateAuthority.open(folder);
  await authority.issue({ name: PAYPAL_SIGNER, key: "rsa" });
}
