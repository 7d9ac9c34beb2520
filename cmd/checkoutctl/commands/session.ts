// `checkoutctl session`: ends shoppers' sessions before their tokens expire, and lists what was ended.
import { InvalidArgumentError } from "@commander-js/extra-typings";
import {
  MAX_REVOKED_ID_LENGTH,
  type Revocation,
  REVOCATION_SECONDS,
  textOfRevocation,
} from "../../../internal/kernel/revocation.ts";
import { revoke } from "../../../internal/operations/sessions.ts";
import { command, group, instant, moment, operatorCommand, print, table, uuid } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";

const revokeCommand = operatorCommand(
  "revoke",
  "refuse the tokens of a session, one token, or all tokens of a user, at every gateway within seconds",
)
  .option("--session <sid>", "the claim `sid` of the session's tokens", tokenId)
  .option("--token <jti>", "the claim `jti` of one token", tokenId)
  .option("--user <uuid>", "all tokens of this user until now; the id as `saga show` prints it", uuid)
  .option("--issued-before <time>", "with --user: RFC 3339, or a duration ago (default: now)", moment)
  .action(async (options, self) => {
    const now = Date.now();
    const found = revocationFrom(options, now);
    const revocation = typeof found === "string" ? self.error(found) : found;
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    const list = await connections.revocations();
    const saga = await connections.database("saga");
    const { reason } = options;
    await revoke({ list, saga, newId: () => Bun.randomUUIDv7(), now, actor, reason }, revocation);
    const revoked = {
      revoked: textOfRevocation(revocation),
      expires_at: instant(revocation.expiresAt * 1_000),
    };
    print(
      options,
      revoked,
      () => `revoked ${revoked.revoked}; the gateways refuse its tokens within seconds, while Redis answers`,
    );
  });

const list = command("ls", "list what was revoked").action(async (options) => {
  await using connections = new Connections(loadSettings(options.stack));
  const read = await (await connections.revocations()).read(undefined);
  const rows = (read?.revocations ?? []).map((entry) => ({
    revoked: textOfRevocation(entry),
    expires_at: instant(entry.expiresAt * 1_000),
  }));
  print(options, rows, () =>
    table(
      ["REVOKED", "DROPPED"],
      rows.map(({ revoked, expires_at }) => [revoked, expires_at]),
    ),
  );
});

export const sessionCommand = group("session", "shoppers' sessions")
  .addCommand(revokeCommand)
  .addCommand(list);

interface Given {
  readonly session?: string | undefined;
  readonly token?: string | undefined;
  readonly user?: string | undefined;
  /** Epoch ms. */
  readonly issuedBefore?: number | undefined;
}

/** What to revoke, or why the options make no sense. */
function revocationFrom({ session, token, user, issuedBefore }: Given, now: number): Revocation | string {
  const expiresAt = Math.floor(now / 1_000) + REVOCATION_SECONDS;
  const isOne = [session, token, user].filter((given) => given !== undefined).length === 1;
  if (!isOne) return "error: give exactly one of --session, --token and --user";
  if (issuedBefore !== undefined && (user === undefined || issuedBefore > now))
    return "error: --issued-before belongs to --user, and must be in the past";
  if (session !== undefined) return { kind: "session", id: session, expiresAt };
  if (token !== undefined) return { kind: "token", id: token, expiresAt };
  // Tokens have whole seconds: one from this very second must count as before.
  const seconds = Math.ceil((issuedBefore ?? now) / 1_000);
  return { kind: "user", id: user ?? "", issuedBefore: seconds, expiresAt };
}

function tokenId(text: string): string {
  if (text.length > 0 && text.length <= MAX_REVOKED_ID_LENGTH) return text;
  throw new InvalidArgumentError(`It must have 1 to ${MAX_REVOKED_ID_LENGTH} characters.`);
}
