import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Terminal } from './terminal.ts';

/** Writes a stream into a new file that only its owner can read, or without one to the output. */
export async function saveStream(
  { out }: Pick<Terminal, 'out'>,
  stream: AsyncIterable<Uint8Array>,
  path: string | undefined,
): Promise<void> {
  if (path !== undefined) {
    await pipeline(Readable.from(stream), createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    return;
  }
  const decoder = new TextDecoder();
  for await (const piece of stream) {
    out(decoder.decode(piece, { stream: true }));
  }
  out(decoder.decode());
}
