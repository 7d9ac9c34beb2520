// The settings of the orchestrator.
import { type Static, Type } from "@sinclair/typebox";
import { LONGEST_PAUSE_MS } from "../../internal/kernel/backoff.ts";
import {
  DEFAULT_ACTION_MS,
  DEFAULT_FORWARD_DEADLINE_MS,
  MAX_ACTION_MS,
} from "../../internal/orchestrator/action.ts";
import { LONGEST_LINGER_MS } from "../../internal/orchestrator/intake.ts";
import type { SagaPolicy } from "../../internal/orchestrator/saga.ts";
import {
  accessConfig,
  ConfigError,
  httpConfig,
  personalDataDays,
  serviceConfig,
} from "../../internal/platform/config.ts";

export const NAME = "checkout-orchestrator";

/** After this many undo commands without a reply, the saga is marked for an operator. */
const RESENDS_BEFORE_OPERATOR = 5;

export const config = Type.Object({
  ...serviceConfig,
  ...httpConfig("the API", "keep it private"),
  ...accessConfig,
  FORWARD_DEADLINE_MS: Type.Integer({
    default: DEFAULT_FORWARD_DEADLINE_MS,
    minimum: 1_000,
    maximum: 240_000,
    description:
      "time limit of a checkout in ms, then the saga compensates; keep it below the 5 minutes that a hold lasts",
  }),
  ACTION_DEADLINE_MS: Type.Integer({
    default: DEFAULT_ACTION_MS,
    minimum: 1_000,
    maximum: MAX_ACTION_MS,
    description:
      "how long a checkout waits for its shopper when the bank wants the payment confirmed (3-D Secure), in ms; its stock is held meanwhile. A shopper who asks gets as much again, once, but not more than 10 minutes in all",
  }),
  RESEND_FIRST_MS: Type.Integer({
    default: 10_000,
    minimum: 100,
    description:
      "an undo command without a reply is sent again after this many ms, then after growing pauses",
  }),
  RESEND_CAP_MS: Type.Integer({
    default: 60_000,
    minimum: 100,
    maximum: LONGEST_PAUSE_MS,
    description: "longest pause before an undo command is sent again, in ms",
  }),
  AUTHORIZE_FIRST: Type.String({
    default: "",
    pattern: "^(?:[a-z]{1,20}(?:,[a-z]{1,20})*)?$",
    description:
      "payment providers, for example stripe,paypal, whose new checkouts have the money held first, and taken when the stock is confirmed; all others charge at once. Set it only when every orchestrator and every service knows it (docs/upgrading.md)",
  }),
  INTAKE_LINGER_MS: Type.Integer({
    default: 3,
    minimum: 0,
    maximum: 100,
    description: `minimum time that a checkout waits to share a transaction with others, in ms; under load, a smaller value grows to at most ${LONGEST_LINGER_MS}`,
  }),
  STUCK_AFTER_MS: Type.Integer({
    default: 300_000,
    minimum: 1_000,
    description: "a checkout in progress that has not moved for this many ms is reported as stuck",
  }),
  INTAKE_MAX_OPEN_SAGAS: Type.Integer({
    default: 8_000,
    minimum: 1,
    maximum: 1_000_000,
    description:
      "above this many checkouts in progress, new ones get 503; set it to the number that finishes in half of FORWARD_DEADLINE_MS",
  }),
  INTAKE_MAX_UNPUBLISHED: Type.Integer({
    default: 100_000,
    minimum: 1,
    maximum: 10_000_000,
    description:
      "above this many unpublished messages, new checkouts get 503; this limits the backlog of a Kafka outage",
  }),
  PERSONAL_DATA_DAYS: personalDataDays(
    "days after its end when e-mail, postal address and card digits are erased from a saga; 0 keeps them",
    30,
  ),
});

export type OrchestratorConfig = Static<typeof config>;

/** Throws ConfigError if two settings contradict each other. */
export function policyOf(env: OrchestratorConfig): SagaPolicy {
  if (env.RESEND_FIRST_MS > env.RESEND_CAP_MS)
    throw new ConfigError(NAME, [
      "RESEND_FIRST_MS is above RESEND_CAP_MS: lower the first pause or raise the longest",
    ]);
  return {
    forwardDeadlineMs: env.FORWARD_DEADLINE_MS,
    actionDeadlineMs: env.ACTION_DEADLINE_MS,
    resendFirstMs: env.RESEND_FIRST_MS,
    resendCapMs: env.RESEND_CAP_MS,
    resendsBeforeOperator: RESENDS_BEFORE_OPERATOR,
    authorizeFirst: new Set(env.AUTHORIZE_FIRST.split(",").filter((name) => name !== "")),
  };
}
