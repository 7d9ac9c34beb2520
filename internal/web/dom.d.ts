// Preact's types bring the DOM's types into the program, and the DOM's ReadableStream hides the additional methods of Bun's.
interface ReadableStream {
  text(): Promise<string>;
}
