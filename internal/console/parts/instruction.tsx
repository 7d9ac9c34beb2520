// What to do about one saga that needs an operator, or waits for longer than it should: which role to start, what to wait for, what to replay.
// `instructionsFor` is pure. Shown on the page of the saga.
import { plural } from "../../kernel/counted.ts";
import { LAG, startCommandOf } from "../../operations/doctor-work.ts";
import type { SagaStory } from "../../operations/saga-story.ts";
import { wordsOf } from "../../operations/saga-words.ts";
import { SUBSCRIPTIONS } from "../../../schemas/topics.ts";
import type { Snapshot } from "../collector.ts";
import { knownOf } from "../source.ts";
import { CommandLine, Notice } from "./bits.tsx";
import { When } from "./when.tsx";

/** One sentence or two: `text`, then the time if there is one, then `rest`. */
interface Instruction {
  readonly text: string;
  /** Epoch ms. */
  readonly since: number | null;
  readonly rest: string;
  readonly link: { readonly href: string; readonly text: string };
  /** What starts it: on its machine, and on a local stack. */
  readonly commands?: readonly [string, string];
}

export type SystemState = Pick<Snapshot, "roles" | "topics">;

type Service = "inventory" | "payment" | "order";

/** The service that owes the reply, by the step that is done or undone. */
const OWES: Readonly<Record<string, Service>> = {
  reserve: "inventory",
  confirm: "inventory",
  charge: "payment",
  authorize: "payment",
  capture: "payment",
  order: "order",
};
/** The orchestrator handles a deadline within a second or so. */
const OVERDUE_MS = 10_000;
const AGAIN = "nothing else is needed, the command is sent again by itself.";

/** Empty if the saga needs nobody now. */
export function instructionsFor(
  story: Pick<SagaStory, "saga" | "history" | "timeline">,
  system: SystemState,
  now: number,
): readonly Instruction[] {
  const { saga, history } = story;
  const isOverdue = saga.deadline_at !== null && now - saga.deadline_at > OVERDUE_MS;
  if (saga.completed_at !== null) return [];
  if (!saga.needs_operator && !isOverdue && wordsOf(saga, history).resends === 0) return [];
  const service = OWES[saga.compensation_step ?? saga.current_step];
  const found = [
    ...roleProblems("orchestrator", "it goes on with its sagas by itself.", system),
    ...(service === undefined ? [] : roleProblems(service, AGAIN, system)),
    ...kafkaProblems(service, system),
    ...deadLettered(story),
    ...(service === "payment" ? providerProblems(system) : []),
  ];
  return found.length > 0 ? found : [otherwise(story, service)];
}

/** OPS_URLS names several processes of a role `order`, `order-2`, .. One of them that is ready is enough. */
function roleProblems(role: string, then: string, { roles }: SystemState): readonly Instruction[] {
  const own = roles.filter(({ name }) => name === role || name.startsWith(`${role}-`));
  const link = { href: "/#o-roles", text: "roles" };
  const what = role === "orchestrator" ? "The orchestrator" : `The ${role} service`;
  const silences = own.flatMap(({ reading }) =>
    reading.unknownSince === null ? [] : [reading.unknownSince],
  );
  if (own.length === 0) return [];
  if (silences.length === own.length)
    return [
      {
        text: `${what} has not answered since`,
        since: Math.max(...silences),
        rest: `. Start it on its machine; ${then}`,
        link,
        commands: [startCommandOf(role), `bun run stack restart ${role}`],
      },
    ];
  const states = own.flatMap(({ reading }) => knownOf(reading) ?? []);
  if (states.length === 0 || states.some(({ is_ready }) => is_ready)) return [];
  const reasons = [...new Set(states.flatMap((state) => state.reasons))].join("; ");
  const why = reasons === "" ? "" : `: ${reasons}`;
  return [{ text: `${what} is not ready${why}. Correct that; ${then}`, since: null, rest: "", link }];
}

/** The command waits in Kafka, or the reply does. */
function kafkaProblems(service: Service | undefined, { topics }: SystemState): readonly Instruction[] {
  const link = { href: "/topics", text: "topics" };
  if (topics.unknownSince !== null)
    return [
      {
        text: "Kafka has not answered since",
        since: topics.unknownSince,
        rest: `, so no command and no reply gets through. Start it; ${AGAIN}`,
        link,
      },
    ];
  const isOnTheWay = (topic: string, group: string) =>
    group === service ? SUBSCRIPTIONS[service].some((one) => one === topic) : group === "orchestrator";
  return (knownOf(topics) ?? []).flatMap(({ topic, groups }) =>
    groups
      .filter(({ group, lag }) => lag > LAG && isOnTheWay(topic, group))
      .map(({ group, lag }) => ({
        text: `${group} is ${plural(lag, "message")} behind in ${topic}, and this saga's may be one of them. If that number falls, wait; if it does not, look at the log of ${group}.`,
        since: null,
        rest: "",
        link,
      })),
  );
}

/** Its command failed for good, in the step where the saga still is. */
function deadLettered({ saga, history }: Pick<SagaStory, "saga" | "history">): readonly Instruction[] {
  const last = history.at(-1);
  const away = history.findLastIndex(
    ({ step, to_status }) => step !== last?.step || to_status !== last.to_status,
  );
  const row = history.slice(away + 1).findLast(({ message_type }) => message_type === "CommandDeadLettered");
  if (row === undefined) return [];
  return [
    {
      text: "Its command failed for good and was dead-lettered at",
      since: row.at,
      rest: ". Correct the cause, then replay the dead letter, unless it is handled already.",
      link: { href: `/dead-letters?saga=${saga.saga_id}`, text: "dead letters of this saga" },
    },
  ];
}

function providerProblems({ roles }: SystemState): readonly Instruction[] {
  const states = roles.flatMap(({ reading }) => knownOf(reading)?.providers ?? []);
  const names = (some: typeof states) => [...new Set(some.map(({ provider }) => provider))].join(", ");
  const link = { href: "/payments", text: "payments" };
  const away = names(states.filter(({ breaker_open }) => breaker_open));
  if (away === "") return [];
  return [
    {
      text: `The payment provider does not answer (${away}). Wait until it does: the undo goes on by itself, within half an hour of its first answer.`,
      since: null,
      rest: "",
      link,
    },
  ];
}

/** As the runbook has it under "A checkout hangs". */
function otherwise({ timeline }: Pick<SagaStory, "timeline">, service: Service | undefined): Instruction {
  const waiting = timeline.findLast(({ kind }) => kind === "waiting");
  if (waiting !== undefined)
    return {
      text: `${waiting.what}. Look at the log of ${waiting.who === "saga" ? "the orchestrator and the relay" : `the ${waiting.who} service`}.`,
      since: null,
      rest: "",
      link: { href: "/outboxes", text: "outboxes and retries" },
    };
  const who = service === undefined ? "The service" : `The ${service} service`;
  return {
    text: `${who} owes the reply, and nothing is known of why it does not come. Look at its log and at its database, and whether a row is locked there.`,
    since: null,
    rest: "",
    link: { href: "/outboxes", text: "outboxes and retries" },
  };
}

export function Instructions({
  story,
  roles,
  topics,
  now,
}: SystemState & { readonly story: SagaStory; readonly now: number }) {
  const found = instructionsFor(story, { roles, topics }, now);
  if (found.length === 0) return <></>;
  return (
    <Notice tone={story.saga.needs_operator ? "bad" : "warn"}>
      <p>
        {story.saga.needs_operator
          ? "This saga needs an operator. What to do:"
          : "It takes longer than it should:"}
      </p>
      <ul>
        {found.map(({ text, since, rest, link, commands }) => (
          <li key={text}>
            {text}
            {since === null ? null : (
              <>
                {" "}
                <When at={since} show="since" />
              </>
            )}
            {rest} <a href={link.href}>{link.text}</a>
            {commands === undefined ? null : (
              <>
                <br />
                <CommandLine>{commands[0]}</CommandLine>{" "}
                <span class="small">
                  on a local stack <CommandLine>{commands[1]}</CommandLine>
                </span>
              </>
            )}
          </li>
        ))}
      </ul>
    </Notice>
  );
}
