// Preact's types bring the DOM's types into the program, and the DOM's ReadableStream hides what Bun's has in addition.
interface ReadableStream {
  text(): Promise<string>;
}
