// Passwords of database roles. They are sent as SCRAM verifiers, so the password itself reaches neither the server's log nor its statistics.
// Called by `checkoutctl grants apply` and by the local stack.
import type { Sql } from "postgres";
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

/** Of a new verifier. Postgres itself takes this many. */
const ITERATIONS = 4_096;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/**
 * Sets the password, unless it is this one already. Returns whether it was another one. Open connections go on; the role's next connection
 * needs the new one.
 */
export async function setPassword(sql: Sql, role: string, password: string): Promise<boolean> {
  if (isOf(await verifierOf(sql, role), password)) return false;
  // Names and verifiers have no quotes: letters, digits, and what Base64 has besides.
  await sql.unsafe(
    `alter role ${role} password '${scramVerifier(password, randomBytes(SALT_BYTES), ITERATIONS)}'`,
  );
  return true;
}

/** Null if the role has none, or if only a superuser may know. */
async function verifierOf(sql: Sql, role: string): Promise<string | null> {
  const [may] = await sql<
    [{ may: boolean }]
  >`select has_column_privilege('pg_authid', 'rolpassword', 'select') as may`;
  if (!may.may) return null;
  const [row] = await sql<
    { verifier: string | null }[]
  >`select rolpassword as verifier from pg_authid where rolname = ${role}`;
  return row?.verifier ?? null;
}

function isOf(verifier: string | null, password: string): boolean {
  const [, iterations, salt] = /^SCRAM-SHA-256\$(\d+):([^$]+)\$/.exec(verifier ?? "") ?? [];
  if (iterations === undefined || salt === undefined) return false;
  return scramVerifier(password, Buffer.from(salt, "base64"), Number(iterations)) === verifier;
}

/** RFC 5803, as Postgres stores it. The password must be ASCII: other text would have to be normalized. */
export function scramVerifier(password: string, salt: Buffer, iterations: number): string {
  const salted = pbkdf2Sync(password, salt, iterations, KEY_BYTES, "sha256");
  const key = (name: string) => createHmac("sha256", salted).update(name).digest();
  const stored = createHash("sha256").update(key("Client Key")).digest("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${stored}:${key("Server Key").toString("base64")}`;
}
