// The input of each part of the certification, from main.ts.

export interface Run {
  readonly brokers: string;
  /** For files of the run. */
  readonly directory: string;
  /** How many messages to send. */
  readonly messages: number;
  /** Kills the broker with -9 and restarts it. Resolves when it is ready again. */
  readonly killBroker: () => Promise<void>;
}
