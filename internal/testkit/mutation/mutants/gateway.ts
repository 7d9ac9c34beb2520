// Mutants in the gateway: who may ask, and how often.
import type { Mutant } from "../mutant.ts";

export const GATEWAY_MUTANTS: readonly Mutant[] = [
  {
    id: "revoked-but-cached",
    title: "A revoked session goes on with its token, because the gateway does not ask the list.",
    edits: [
      {
        file: "internal/gateway/auth.ts",
        find: "if (this.#options.revocations?.isRevoked(identity) === true)",
        replace: "if (this.#options.revocations?.isRevoked(identity) === undefined)",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/gateway/auth.unit.test.ts",
      test: "a revocation counts for a cached token",
    },
  },
  {
    id: "shared-secret-in-production",
    title: "A gateway starts with a shared secret although it is not for development.",
    edits: [
      {
        file: "cmd/gateway/config.ts",
        find: "if (url === undefined && sharedSecret !== undefined && !isDevelopment)",
        replace: "if (url !== undefined && sharedSecret !== undefined && !isDevelopment)",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "cmd/gateway/config.unit.test.ts",
      test: "refused: a shared secret outside of development",
    },
  },
  {
    id: "client-chooses-its-address",
    title: "The limits believe the first entry of X-Forwarded-For, which the client writes.",
    edits: [
      {
        file: "internal/gateway/limits/client-address.ts",
        find: ".at(-trustedProxies)",
        replace: ".at(0)",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/gateway/limits/client-address.unit.test.ts",
      test: "one proxy adds the last entry",
    },
  },
];
