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
  {
    id: "retry-refused",
    title:
      "A retry of a checkout that exists is refused while a limit is full, as if nothing had been ordered.",
    edits: [
      {
        file: "internal/gateway/limits/shopping-limits.ts",
        find: "if (known !== null) return known;",
        replace: "if (known === undefined) return known;",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/gateway/limits/limits.int.test.ts",
      test: "gets its 202 while the user has too many in progress",
    },
  },
  {
    id: "retry-counted-as-open",
    title: "A retry of a finished checkout counts as one in progress again.",
    edits: [
      {
        file: "internal/gateway/routes/checkout.ts",
        find: "if (!started.replayed) limits",
        replace: "limits",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "internal/gateway/limits/limits.int.test.ts",
      test: "counts nothing anew",
    },
  },
  {
    id: "slot-kept-by-a-page-that-left",
    title:
      "A status page whose shopper leaves keeps its slot, until the shopper can follow nothing any more.",
    edits: [
      {
        file: "internal/gateway/stream-slots.ts",
        find: 'signal.addEventListener("abort", leave, { once: true });',
        replace: "",
      },
    ],
    caughtBy: {
      layer: "unit",
      file: "internal/gateway/shop-data.unit.test.ts",
      test: "the streams of the pages and of the API are counted together",
    },
  },
];
