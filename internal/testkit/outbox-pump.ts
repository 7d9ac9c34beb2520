// Carries messages from the saga outbox to the real inventory service without a broker, or makes them fail as a test wants. It
// also creates sagas with dead-lettered commands, for the tests of replays.
import type { InventoryCommand } from "../../schemas/commands.ts";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import type { Message } from "../../schemas/registry.ts";
import { deadLetterOf } from "./dead-letters.ts";
import type { TestInventory } from "./inventory.ts";
import type { TestOrchestrator } from "./orchestrator.ts";

/** `retry`: inventory fails and schedules a retry. `dead-letter`: inventory fails for the last time. */
export type Fate = "handle" | "retry" | "dead-letter" | "ignore";

const PAUSE_MS = 2;
/** Sagas started at the same time. */
const AT_ONCE = 20;

export class OutboxPump implements AsyncDisposable {
  fate: (message: Message) => Fate = () => "handle";
  /** The ids of the messages that were published, in order. */
  readonly carried: string[] = [];
  readonly #orchestrator: TestOrchestrator;
  readonly #inventory: TestInventory;
  readonly #running: Promise<void>;
  #published = Promise.resolve();
  #isStopped = false;

  constructor(orchestrator: TestOrchestrator, inventory: TestInventory) {
    this.#orchestrator = orchestrator;
    this.#inventory = inventory;
    this.#running = this.#run();
  }

  /** Starts sagas whose first command is dead-lettered by inventory. Returns the dead letters, oldest first. Nothing else is in flight. */
  async deadReserves(count: number): Promise<DeadLetter[]> {
    const fate = this.fate;
    this.fate = () => "ignore";
    const letters: DeadLetter[] = [];
    while (letters.length < count) {
      const some = Array.from({ length: Math.min(AT_ONCE, count - letters.length) }, () => this.#command());
      // The ids of the records are in the order of the calls.
      const sent = (await Promise.all(some)).map((command) => this.sendToDeadLetters(command));
      letters.push(...(await Promise.all(sent)));
    }
    await this.#publish();
    this.carried.length = 0;
    this.fate = fate;
    return letters;
  }

  /** The first command of a new saga. */
  async #command(): Promise<Message> {
    const [command] = await this.#orchestrator.messages(await this.#orchestrator.start());
    if (command === undefined) throw new Error("the new saga has sent no command");
    return command;
  }

  /** Dead-letters a message as inventory does: writes the record to its outbox. */
  async sendToDeadLetters(message: Message): Promise<DeadLetter> {
    const record = deadLetterOf(message, { service: "inventory" });
    await this.#inventory.database.sql`
      insert into outbox (event_id, topic, partition_key, payload, headers)
      values (${record.dead_letter_id}, 'checkout-dlq', ${record.saga_id}, ${JSON.stringify(record)}::text::jsonb,
              '{"type": "DeadLetter"}')`;
    return record;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      await this.#publish();
      await Bun.sleep(PAUSE_MS);
    }
  }

  /** Sequential: when one run resolves, all earlier runs are done. */
  #publish(): Promise<void> {
    this.#published = this.#published.then(() => this.#publishWaiting());
    return this.#published;
  }

  async #publishWaiting(): Promise<void> {
    const rows = await this.#orchestrator.database.sql<{ payload: Message }[]>`
      update outbox set published = true, published_at = now() where not published returning payload`;
    for (const { payload } of rows) {
      this.carried.push(payload.message_id);
      await this.#deliver(payload);
    }
  }

  async #deliver(message: Message): Promise<void> {
    const fate = this.fate(message);
    if (fate === "handle" && isInventoryCommand(message)) await this.#inventory.handle(message);
    if (fate === "retry") await this.#scheduleRetries(message);
    if (fate === "dead-letter") await this.sendToDeadLetters(message);
  }

  async #scheduleRetries({ message_id, saga_id, type }: Message): Promise<void> {
    await this.#inventory.database.sql`
      insert into retry values (${message_id}, ${saga_id}, ${type}, 1, now() + interval '1 hour', now(), now(), 'X', 'boom',
                                'checkout-commands', 0, 0, 0, null, '', '[]')`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }
}

export function isInventoryCommand(message: Message): message is InventoryCommand {
  return ["ReserveInventory", "ConfirmReservation", "ReleaseInventory"].includes(message.type);
}
