import { expect, test } from "bun:test";
import { parseTopicRequest, topicFieldsOf, type TopicRequest } from "./topic-request.ts";

const SAGA = "01a22094-0000-7000-8aeb-8ad3b5d13262";
const NOTHING: TopicRequest = { sagaId: null, partition: null, at: null, offset: null, turn: null };

function parsed(query: string): TopicRequest {
  const read = parseTopicRequest(new URLSearchParams(query));
  if ("faults" in read) throw new Error(read.faults.join("; "));
  return read.request;
}

function faultsOf(query: string): readonly string[] {
  const read = parseTopicRequest(new URLSearchParams(query));
  return "faults" in read ? read.faults : [];
}

test("reads the fields, without regard to empty ones", () => {
  expect(parsed("saga=&at=&partition=&offset=")).toEqual(NOTHING);
  expect(parsed(`saga= ${SAGA.toUpperCase()} `)).toEqual({ ...NOTHING, sagaId: SAGA });
  expect(parsed("partition=3&offset=0")).toEqual({ ...NOTHING, partition: 3, offset: 0 });
  expect(parsed("at=2026-11-23T12:00:00Z")).toEqual({ ...NOTHING, at: 1_795_435_200_000 });
  const places = new Map([
    [0, 12],
    [3, 0],
  ]);
  expect(parsed("from=0:12,3:0").turn).toEqual({ direction: "newer", places });
  expect(parsed("to=0:12,3:0").turn).toEqual({ direction: "older", places });
  expect(parsed("to=end").turn).toEqual({ direction: "older", places: null });
});

test.each([
  "",
  `saga=${SAGA}&at=2026-11-23T12:00:00.250Z&to=3:12`,
  "partition=3&offset=7",
  "from=0:12,3:0",
  "to=end",
])("a request becomes the same fields again: %s", (query) => {
  expect(topicFieldsOf(parsed(query)).toString()).toBe(
    // A time always has milliseconds.
    new URLSearchParams(query).toString(),
  );
});

test.each([
  ["saga=7", "saga must be a saga's id, which is a UUID of version 7"],
  ["at=yesterday", "at must be a time such as 2026-11-23T12:00:00Z"],
  ["partition=-1", "partition must be the number of a partition"],
  ["partition=1&offset=99999999999999999999", "offset must be a whole number"],
  ["offset=1", "offset needs a partition"],
  ["from=0:12,3", "from must be offsets by partition such as 0:120,3:88"],
  ["to=0:12;3:1", "to must be end, or offsets by partition such as 0:120,3:88"],
  ["from=0:1&to=end", "from and to do not go together: both say where to go on"],
  [`saga=${SAGA}&partition=1`, "partition must be left out with saga: the id of a saga tells its partition"],
  [
    "partition=1&offset=1&at=2026-11-23T12:00:00Z",
    "offset and at do not go together: both say where to begin",
  ],
])("refuses %s", (query, fault) => {
  expect(faultsOf(query)).toEqual([fault]);
});
