// Which member of a consumer group has which partition, as the group's coordinator says. Joins no group. Called by topic-states.ts.
import { AppError } from "../../kernel/errors.ts";
import type { GroupMember, GroupState } from "../../../schemas/overview.ts";
import { kafka } from "./addon.ts";
import type { Connection } from "./consumer.ts";

/** The lag is known without it, so it is not waited for long. */
const TIMEOUT_MS = 1_000;

export interface GroupMembers extends Pick<GroupState, "state" | "unknown"> {
  /** Null: nobody has it, or it is not known who. */
  readonly readerOf: (topic: string, partition: number) => GroupMember | null;
}

/** Never throws: who reads is unknown while Kafka does not say it, or refuses to. The connection must stay open until the answer. */
export async function membersOf(connection: Connection, group: string): Promise<GroupMembers> {
  try {
    return membersIn(await askedRows(connection, group));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { state: null, unknown: error.message, readerOf: () => null };
  }
}

async function askedRows(connection: Connection, group: string): Promise<readonly (readonly string[])[]> {
  const { client } = connection;
  if (!client.isConnected()) throw new AppError("KAFKA_UNAVAILABLE", "the connection to Kafka has ended");
  const { addon } = kafka();
  const answer = await addon.describeGroups(addon.handleOf(client.getClient()), [group], TIMEOUT_MS);
  if (answer.code !== "NO_ERROR")
    throw connection.failed(`cannot look up the members of group ${group}`, answer);
  return answer.rows;
}

/** Pure. `rows` of one group, in the form of native/src/group-admin.cc. */
export function membersIn(rows: readonly (readonly string[])[]): GroupMembers {
  const readers = new Map<string, GroupMember>();
  for (const [, , id = "", , instance = "", host = "", topic = "", partition = ""] of rows)
    if (topic !== "")
      readers.set(`${topic} ${partition}`, {
        id,
        instance: instance === "" ? null : instance,
        // Kafka writes an address with a slash in front.
        host: host.replace(/^\//, ""),
      });
  return {
    state: rows[0]?.[1] ?? null,
    unknown: rows.length === 0 ? "Kafka does not know this group" : null,
    readerOf: (topic, partition) => readers.get(`${topic} ${partition}`) ?? null,
  };
}
