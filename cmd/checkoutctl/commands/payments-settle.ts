// `checkoutctl payments settle`: settles a payment that stays UNKNOWN, or whose refund failed, on evidence. The audit trail gets a line before the attempt
// and the outcome after it.
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { AppError, describeError } from "../../../internal/kernel/errors.ts";
import { recordActions } from "../../../internal/messaging/operator-action-store.ts";
import { settleActions } from "../../../internal/operations/dead-letter-store.ts";
import { DEFAULT_POLICY } from "../../../internal/services/payment/attempts/attempts.ts";
import { providerOf } from "../../../internal/services/payment/lookup-store.ts";
import {
  type SettleByHand,
  settleByHand,
} from "../../../internal/services/payment/attempts/settle-by-hand.ts";
import { operatorCommand, print, uuid, wrongUsage } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

const MAX_EVIDENCE_LENGTH = 500;
const OUTCOMES = ["succeeded", "failed", "refunded"] as const;

export const settleCommand = operatorCommand(
  "settle",
  "settle on evidence a payment that stays UNKNOWN, or whose refund failed at the provider; its saga then continues",
)
  .argument("<saga-id>", "the payment's saga", uuid)
  .addOption(
    new Option(
      "--outcome <outcome>",
      "whether the provider took the money; refunded: its refund failed, and the shopper was paid in another way",
    )
      .choices(OUTCOMES)
      .makeOptionMandatory(),
  )
  .requiredOption(
    "--evidence <text>",
    "the evidence, for the audit trail: the provider's ticket or a statement",
    line,
  )
  .option("--charge <id>", "the provider's id of the charge (pi_...), with --outcome succeeded", line)
  .option("--despite-silence", "with failed or refunded: settle even if the provider does not answer", false)
  .action(async (saga_id, options) => {
    const newId = () => Bun.randomUUIDv7();
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    const { reason, evidence } = options;
    const request: SettleByHand = {
      saga_id,
      outcome: outcomeOf(options.outcome, options.charge),
      despiteSilence: options.despiteSilence,
    };
    const providers = await connections.providers();
    const database = await connections.postgres("payment");
    const trail = await connections.database("saga");
    const action_id = newId();
    const act = { action_id, run_id: newId(), action: "payment.settle", subject: saga_id, saga_id } as const;
    const detail = [options.outcome, options.charge, `evidence: ${evidence}`].filter(Boolean).join(", ");
    await recordActions(trail, [{ ...act, actor, reason, outcome: null, detail, at: Date.now() }]);
    const end = (outcome: string, why: string) =>
      settleActions(trail, [{ action_id, outcome, detail: `${detail}; ${why}` }]);
    try {
      const name = await providerOf(database.sql, saga_id);
      if (name === undefined) throw new AppError("MESSAGE_INVALID", `there is no payment of saga ${saga_id}`);
      const { provider: asked, ledger } = providers.of(name);
      const settlement = await settleByHand(
        { database, policy: DEFAULT_POLICY, provider: name, newId, asked, ledger, now: Date.now() },
        request,
      );
      await end("settled", settlement.looked_up);
      print(
        options,
        settlement,
        () => `settled: the payment is ${settlement.status} (${settlement.looked_up})`,
      );
    } catch (error) {
      await end("refused", describeError(error));
      throw error;
    }
  });

function outcomeOf(outcome: (typeof OUTCOMES)[number], charge: string | undefined): SettleByHand["outcome"] {
  if (outcome !== "succeeded") return { kind: outcome };
  if (charge !== undefined) return { kind: "succeeded", charge };
  return wrongUsage("--outcome succeeded needs --charge, the provider's id of the charge");
}

function line(text: string): string {
  if (text.trim() === "" || text.length > MAX_EVIDENCE_LENGTH || /\p{Cc}/u.test(text))
    throw new InvalidArgumentError(`It must be one line of 1 to ${MAX_EVIDENCE_LENGTH} characters.`);
  return text;
}
