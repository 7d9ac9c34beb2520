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
  CONSOLE_URL: Type.Optional(
    Type.String({
      format: "url",
      description: "the console's address in browsers, needed behind a proxy that changes the Host header",
    }),
  ),
  TRUSTED_CALLERS_JWKS: trustedCallers(
    "public keys (JWK set) that sign operator tokens: those of the services will do; `checkoutctl keys caller` makes keys",
  ),
  CONSOLE_SESSION_SECRET: secret(
    Type.String({
      format: "shared-secret",
      description: "signs the sessions of browsers; the same for all consoles. A new one signs everybody out",
    }),
  ),
  CONSOLE_READ_ONLY: Type.Boolean({
    default: false,
    description: "true: nobody may act here, whatever their role; reading goes on",
  }),
});
