// The settings of the operators' console.
import { Type } from "@sinclair/typebox";
import {
  commonConfig,
  httpConfig,
  kafkaConfig,
  secret,
  trustedCallers,
  trustedProxies,
} from "../../internal/platform/config.ts";

const database = (owner: string) =>
  secret(Type.String({ format: "postgres-url", description: `the database of ${owner}` }));

export const config = Type.Object({
  ...commonConfig,
  ...httpConfig("the console", "keep it private"),
  TRUSTED_PROXIES: trustedProxies("the console"),
  SAGA_DATABASE_URL: database("the orchestrator"),
  INVENTORY_DATABASE_URL: database("inventory"),
  PAYMENT_DATABASE_URL: database("payment"),
  ORDER_DATABASE_URL: database("order"),
  NOTIFICATION_DATABASE_URL: database("notification"),
  ...kafkaConfig,
  ORCHESTRATOR_URL: Type.String({ format: "url", description: "the orchestrator's interface" }),
  OPS_URLS: Type.Optional(
    Type.String({
      format: "named-urls",
      description:
        "the operators' address (OPS_PORT) of each role process whose health the overview shows, for example orchestrator=http://10.0.0.5:9100,orchestrator-2=http://10.0.0.6:9100",
    }),
  ),
  ALERTMANAGER_URL: Type.Optional(
    Type.String({ format: "url", description: "Alertmanager; the overview shows what fires there" }),
  ),
  TRACE_URL_TEMPLATE: Type.Optional(
    Type.String({
      pattern: "^https?://.*\\{trace_id\\}",
      description: "address of a trace in your tracing system, with {trace_id} in it",
    }),
  ),
  CONSOLE_URL: Type.Optional(
    Type.String({
      format: "url",
      description: "the console's address in browsers, needed behind a proxy that changes the Host header",
    }),
  ),
  TRUSTED_CALLERS_JWKS: trustedCallers(
    "public keys (JWK set) that verify operator tokens; the set of the services works too; `checkoutctl keys caller` makes keys",
  ),
  CONSOLE_SESSION_SECRET: secret(
    Type.String({
      format: "shared-secrets",
      description:
        "signs the sessions of browsers; the same for all consoles. A new secret ends all sessions. During a rotation several, separated by commas: the first one signs, and each is accepted",
    }),
  ),
  OIDC_ISSUER: Type.Optional(
    Type.String({
      format: "url",
      description:
        "issuer of the company's identity provider (OpenID Connect), for people without a token; the redirect URI is /sign-in/oidc/callback below CONSOLE_URL",
    }),
  ),
  OIDC_CLIENT_ID: Type.Optional(Type.String({ minLength: 1, description: "this console's client id there" })),
  OIDC_CLIENT_SECRET: Type.Optional(
    secret(Type.String({ minLength: 1, description: "this console's client secret there" })),
  ),
  OIDC_SCOPES: Type.String({
    default: "openid profile email",
    pattern: "^(.* )?openid( .*)?$",
    description:
      "what the console asks the provider for, separated by spaces; some providers need one more for roles",
  }),
  OIDC_NAME_CLAIM: Type.String({
    default: "preferred_username",
    minLength: 1,
    description:
      "the claim with the person's name, as it stands in the audit trail: one that people cannot change themselves, or sub",
  }),
  OIDC_ROLES_CLAIM: Type.String({
    default: "roles",
    minLength: 1,
    description:
      "the claim with the person's roles, a text or a list; a dot leads into an object: realm_access.roles",
  }),
  OIDC_VIEWER_ROLE: Type.String({
    default: "checkout-viewer",
    minLength: 1,
    description: "values of that claim for people who may read, separated by commas",
  }),
  OIDC_OPERATOR_ROLE: Type.String({
    default: "checkout-operator",
    minLength: 1,
    description: "values of that claim for people who may also act, separated by commas",
  }),
  OPERATORS_PRIVATE_JWK: Type.Optional(
    secret(
      Type.String({
        minLength: 2,
        description:
          "with OIDC_ISSUER: a key of the console alone that signs for people who signed in there; its public half is in the TRUSTED_CALLERS_JWKS of console and services; `checkoutctl keys caller --kind operators --issuer console` makes it",
      }),
    ),
  ),
  CONSOLE_READ_ONLY: Type.Boolean({
    default: false,
    description: "true: nobody may act here, whatever their role; reading still works",
  }),
});
