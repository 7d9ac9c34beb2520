// The settings of a broker that is encrypted and asks everybody who they are. Used by kafka.ts for a stack with `--secure`.
import { SUPER_USERS } from "../../../schemas/access.ts";
import type { BrokerCertificate } from "../secure/kafka-certificates.ts";

export interface SecureBrokers {
  readonly certificate: BrokerCertificate;
  /** Also a listener for clients with a password (SCRAM): its port on each broker, and users that there are from the start, with SCRAM-SHA-512. */
  readonly passwords?:
    { readonly ports: readonly number[]; readonly users: Readonly<Record<string, string>> } | undefined;
}

/** The listener of clients with a password. */
export const PASSWORDS = "PASSWORDS";
/** A user has a password for each. */
const MECHANISMS = ["SCRAM-SHA-512", "SCRAM-SHA-256"];

/** Who a client is comes from its certificate; whoever the access lists do not name may do nothing. */
export function securityProperties({ certificate, passwords }: SecureBrokers): Record<string, string> {
  return {
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": certificate.keystoreFile,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": certificate.caFile,
    "ssl.client.auth": "required",
    "ssl.enabled.protocols": "TLSv1.3",
    // CN=inventory,O=.. is User:inventory.
    "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "false",
    "super.users": Object.values(SUPER_USERS)
      .map((name) => `User:${name}`)
      .join(";"),
    ...(passwords === undefined ? {} : passwordProperties()),
  };
}

function passwordProperties(): Record<string, string> {
  const listener = `listener.name.${PASSWORDS.toLowerCase()}`;
  return {
    [`${listener}.ssl.client.auth`]: "none",
    [`${listener}.sasl.enabled.mechanisms`]: MECHANISMS.join(","),
    ...Object.fromEntries(
      MECHANISMS.map((mechanism) => [
        `${listener}.${mechanism.toLowerCase()}.sasl.jaas.config`,
        "org.apache.kafka.common.security.scram.ScramLoginModule required;",
      ]),
    ),
  };
}

/** Arguments of Kafka's format tool that create the users. The stack's passwords are for tests: others could be read in `ps`. */
export function passwordArguments({ passwords }: SecureBrokers): readonly string[] {
  return Object.entries(passwords?.users ?? {}).flatMap(([name, password]) => [
    "--add-scram",
    `SCRAM-SHA-512=[name=${name},password=${password}]`,
  ]);
}
