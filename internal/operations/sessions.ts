// Ends sessions before their tokens expire. Called by `checkoutctl session revoke`. The gateways refuse the tokens within seconds.
import type { Sql } from "postgres";
import { AppError, describeError } from "../kernel/errors.ts";
import { type Revocation, type RevocationList, textOfRevocation } from "../kernel/revocation.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { recordActions } from "../messaging/operator-action-store.ts";

export interface RevokeOptions {
  readonly list: RevocationList;
  readonly saga: Sql;
  /** UUIDv7. */
  readonly newId: () => string;
  /** Epoch ms. */
  readonly now: number;
  readonly actor: string;
  readonly reason: string;
}

/** Safe to repeat. Throws if it cannot be recorded; the sessions are ended nevertheless, because that is urgent. */
export async function revoke(options: RevokeOptions, revocation: Revocation): Promise<void> {
  const { list, saga, newId, now, actor, reason } = options;
  await list.add([revocation]);
  const id = newId();
  const before =
    revocation.kind === "user" ? { issued_before: timestampOf(revocation.issuedBefore * 1_000) } : {};
  const action = {
    action_id: id,
    run_id: id,
    action: "session.revoke" as const,
    subject: textOfRevocation(revocation),
    saga_id: null,
    actor,
    reason,
    outcome: "revoked",
    detail: JSON.stringify({ kind: revocation.kind, ...before }),
    at: now,
  };
  try {
    await saga.begin(async (tx) => recordActions(tx, [action]));
  } catch (cause) {
    throw new AppError(
      "DATABASE_UNAVAILABLE",
      `the session is revoked, but who did it and why is not recorded (${describeError(cause)}): repeat the command`,
      { cause },
    );
  }
}
