import { createSocket, type Socket } from 'node:dgram';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTxtLookup } from '../../src/cloud/dns/txt-lookup.ts';

let server: Socket;
let address: string;

/** Texts by name; each record may have several parts. Other names do not exist; `broken.example` makes the server fail. */
const records: Record<string, string[][]> = {
  '_tenantry-challenge.example.com': [['v=spf1 -all'], ['tenantry-domain-', 'verification=abc']],
  'empty.example': [],
};

beforeAll(async () => {
  server = createSocket('udp4');
  server.on('message', (query, { port }) => server.send(answerTo(query), port, '127.0.0.1'));
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${server.address().port}`;
});
afterAll(() => {
  server.close();
});

/** RFC 1035 §4.1: the question, and a TXT record for each text. */
function answerTo(query: Buffer): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('ascii', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const question = query.subarray(12, at + 5);
  const name = labels.join('.').toLowerCase();
  const found = records[name];
  const code = name === 'broken.example' ? 2 : found === undefined ? 3 : 0;
  const answers = (found ?? []).map((parts) => {
    const data = Buffer.concat(
      parts.map((part) => Buffer.concat([Buffer.from([part.length]), Buffer.from(part)])),
    );
    const head = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, data.length]);
    return Buffer.concat([head, data]);
  });
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180 | code, 2);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt32BE(0, 8);
  return Buffer.concat([header, question, ...answers]);
}

describe('TXT look-ups', () => {
  const lookUp = (name: string) => createTxtLookup({ servers: [address] })(name);

  it('give every record, its parts put together', async () => {
    expect((await lookUp('_tenantry-challenge.example.com')).sort()).toEqual([
      'tenantry-domain-verification=abc',
      'v=spf1 -all',
    ]);
  });

  it('give none where there is none', async () => {
    expect(await lookUp('nowhere.example')).toEqual([]);
    expect(await lookUp('empty.example')).toEqual([]);
  });

  it('say that a server which fails may answer later', async () => {
    await expect(lookUp('broken.example')).rejects.toMatchObject({ code: 'temporarily_unavailable' });
  });
});
