// Who reads a topic: how far each group is in each partition, and which member has it. Pure. Called by checkoutctl and the console.
import type { GroupMember, PartitionReading, TopicReading } from "../../schemas/overview.ts";

/** A group commits several times a second while it reads, so such a pause means something. */
export const STANDS_MS = 10_000;

/** One group at one partition. */
export interface ReaderRow extends PartitionReading {
  readonly partition: number;
  readonly end: number;
}

export function readerRows({ partitions }: TopicReading): readonly ReaderRow[] {
  return partitions
    .flatMap(({ partition, end, groups }) => groups.map((one) => ({ ...one, partition, end })))
    .toSorted(byGroupAndPartition);
}

export function byGroupAndPartition(a: ReaderRow, b: ReaderRow): number {
  return a.group < b.group ? -1 : a.group > b.group ? 1 : a.partition - b.partition;
}

export function memberName({ instance, id }: GroupMember): string {
  return instance ?? id;
}
