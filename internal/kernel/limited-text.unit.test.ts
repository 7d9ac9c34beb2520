// A body is read up to its limit in bytes, whatever its pieces are, and not further.
import { expect, test } from "bun:test";
import { limitedText } from "./limited-text.ts";

function bodyOf(bytes: Uint8Array, pieces = 1) {
  const state = { sent: 0, isCancelled: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (state.sent >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(state.sent, state.sent + pieces));
      state.sent += pieces;
    },
    cancel: () => void (state.isCancelled = true),
  });
  return { body, state };
}

test("a body of the limit is read whole, with characters that its pieces cut", async () => {
  const bytes = new TextEncoder().encode("tschüß €");
  expect(await limitedText(bodyOf(bytes).body, bytes.length)).toBe("tschüß €");
  expect(await limitedText(null, 0)).toBe("");
});

test("a longer one is none, and its rest is not read", async () => {
  const { body, state } = bodyOf(new Uint8Array(1_000), 10);
  expect(await limitedText(body, 99)).toBeNull();
  expect(state.isCancelled).toBe(true);
  expect(state.sent).toBeLessThan(200);
});
