// Reads the text of a body up to a limit, for answers and requests of others, who may send without end. Called by the gateway, the
// storefront and the operators' client of the shop.

/** Null if it has more than `maxBytes`; nothing more of it is read then. An invalid UTF-8 sequence becomes the replacement character. */
export async function limitedText(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<string | null> {
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
