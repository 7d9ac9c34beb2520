// The one style of progress of checkoutctl: a bar on stderr, while it is a terminal. In a pipe or a log it says nothing.
import { SingleBar } from "cli-progress";

export interface Progress extends Disposable {
  /** `note`: what the numbers do not say, for example that it waits. */
  readonly show: (what: string, done: number, total: number, note?: string) => void;
}

/** Removed from the terminal when it is disposed of, so that only the result stays. */
export function progress(stream: NodeJS.WriteStream = process.stderr): Progress {
  let bar: SingleBar | undefined;
  return {
    show(what, done, total, note = "") {
      if (!stream.isTTY) return;
      const words = { what, note: note === "" ? "" : `, ${note}` };
      if (bar === undefined) {
        bar = new SingleBar({
          stream,
          format: "{what} [{bar}] {value} of {total}{note}",
          barCompleteChar: "#",
          barIncompleteChar: ".",
          barsize: 30,
          clearOnComplete: true,
          hideCursor: true,
        });
        bar.start(total, done, words);
        return;
      }
      bar.setTotal(total);
      bar.update(done, words);
    },
    [Symbol.dispose]() {
      bar?.stop();
    },
  };
}
