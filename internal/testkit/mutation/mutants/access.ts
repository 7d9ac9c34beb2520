// Mutants in the guard of the internal interfaces: who may call which route, and in whose name.
import type { Mutant } from "../mutant.ts";

const TOKENS_TEST = "internal/platform/internal-tokens.unit.test.ts";
const ACCESS_TEST = "internal/platform/access.unit.test.ts";

export const ACCESS_MUTANTS: readonly Mutant[] = [
  {
    id: "any-token-opens-every-route",
    title: "Whoever has a token may call every route: nobody looks at the role.",
    edits: [
      {
        file: "internal/platform/access.ts",
        find: "if (roles.includes(actor.role)) return actor;",
        replace: "if (roles.length > 0) return actor;",
      },
    ],
    caughtBy: { layer: "unit", file: ACCESS_TEST, test: "orchestrator: POST /sagas/:id/cancel as viewer" },
  },
  {
    id: "gateway-signs-for-people",
    title: "The gateway's key may sign the token of any operator.",
    edits: [
      {
        file: "internal/platform/internal-tokens.ts",
        find: 'if (kind !== "operators") {',
        replace: 'if (role === "service") {',
      },
    ],
    caughtBy: {
      layer: "unit",
      file: TOKENS_TEST,
      test: "refused: a token of a person, by the gateway's key",
    },
  },
  {
    id: "expired-token-is-remembered",
    title: "A token that was verified once counts forever.",
    edits: [
      {
        file: "internal/platform/internal-tokens.ts",
        find: "if (known !== undefined && known.expiresAt > this.#options.clock.now()) return known.actor;",
        replace: "if (known !== undefined) return known.actor;",
      },
    ],
    caughtBy: { layer: "unit", file: TOKENS_TEST, test: "a token that is remembered ends when it expires" },
  },
  {
    id: "actor-from-the-body",
    title: "An operator who cancels a saga is whoever the body names.",
    edits: [
      {
        file: "internal/orchestrator/api.ts",
        find: "        const { reason } = await bodyOf(request, cancelSaga);",
        replace: "        const { reason, actor: named } = await bodyOf(request, cancelSaga);",
      },
      {
        file: "internal/orchestrator/api.ts",
        find: "cancel(sagaIdOf(params.id), { ...operatorOf(actor, request), reason })",
        replace: "cancel(sagaIdOf(params.id), { actor: named ?? actor.name, reason })",
      },
    ],
    caughtBy: {
      layer: "int",
      file: "cmd/checkoutctl/operators.int.test.ts",
      test: "the name is the token's, whatever the body says",
    },
  },
];
