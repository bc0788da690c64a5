import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createOutbound, type OutboundOptions } from '../../src/cloud/http/outbound.ts';
import { isPublicAddress } from '../../src/cloud/http/public-address.ts';

async function serve(
  listener: RequestListener,
): Promise<{ host: string; port: number; connections: () => number }> {
  const server = createServer(listener);
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, port, connections: () => connections };
}

const outboundWith = (options: Partial<OutboundOptions> = {}) =>
  createOutbound({ allowedHosts: [], ...options });

describe('a public address', () => {
  it.each(['1.1.1.1', '8.8.8.8', '93.184.216.34', '172.32.0.1', '2606:4700:4700::1111', '2a00:1450:4001::1'])(
    'is %s',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each([
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '169.254.170.2',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'localhost',
    '',
  ])('is not %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('an address that somebody typed in', () => {
  it.each([
    'http://hooks.example.com/x',
    'ftp://hooks.example.com',
    'file:///etc/passwd',
    'hooks.example.com',
    'https://user:password@hooks.example.com',
    'https://hooks.example.com/#fragment',
    'https://localhost/x',
    'https://printer/x',
    'https://db.internal/x',
    'https://metadata.google.internal/computeMetadata/v1/',
    'https://api.localhost./',
    'https://127.0.0.1/x',
    'https://127.1/x',
    'https://2130706433/x',
    'https://0x7f000001/x',
    'https://0177.0.0.1/x',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/x',
    'https://[::ffff:7f00:1]/x',
    'https://[fd00:ec2::254]/latest',
    'https://１２７.0.0.1/x',
  ])('is refused: %s', async (url) => {
    const outbound = outboundWith({ resolve: async () => [{ address: '93.184.216.34', family: 4 }] });
    expect(outbound.problemOf(url)).toMatch(/^must /);
    await expect(outbound.request({ url, method: 'POST' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  it('may be any https name of the internet', () => {
    expect(outboundWith().problemOf('https://hooks.example.com:8443/x?y=z')).toBeUndefined();
  });

  it('may be a host of our own that a setting names, with its port when the setting has one', () => {
    const outbound = outboundWith({ allowedHosts: ['hooks.internal:8080', '10.1.2.3'] });
    expect(outbound.problemOf('http://hooks.internal:8080/x')).toBeUndefined();
    expect(outbound.problemOf('https://10.1.2.3:9000/x')).toBeUndefined();
    expect(outbound.problemOf('http://hooks.internal:8081/x')).toMatch(/https/);
    expect(outbound.problemOf('https://10.1.2.4/x')).toMatch(/public/);
  });
});

describe('a name', () => {
  it('that leads to an inner address is not connected to', async () => {
    const target = await serve((_request, response) => response.end('secret'));
    const outbound = outboundWith({ resolve: async () => [{ address: '127.0.0.1', family: 4 }] });
    await expect(
      outbound.request({ url: `https://rebound.example.com:${target.port}/`, method: 'GET' }),
    ).rejects.toMatchObject({
      code: 'temporarily_unavailable',
      message: expect.stringContaining('not public'),
    });
    expect(target.connections()).toBe(0);
  });

  it('of which one address is inner is not connected to', async () => {
    const target = await serve((_request, response) => response.end('secret'));
    const outbound = outboundWith({
      resolve: async () => [
        { address: '93.184.216.34', family: 4 },
        { address: '::1', family: 6 },
      ],
    });
    await expect(
      outbound.request({ url: `https://mixed.example.com:${target.port}/`, method: 'GET' }),
    ).rejects.toThrow('not public');
    expect(target.connections()).toBe(0);
  });

  it('is asked for once, and its answer is what is connected to', async () => {
    const target = await serve((request, response) => response.end(request.headers.host));
    let asked = 0;
    const outbound = outboundWith({
      allowedHosts: ['hooks.internal'],
      resolve: async () => {
        asked += 1;
        return [{ address: '127.0.0.1', family: 4 }];
      },
    });
    const answer = await outbound.request({ url: `http://hooks.internal:${target.port}/`, method: 'GET' });
    expect(answer).toEqual({ status: 200, body: `hooks.internal:${target.port}` });
    expect(asked).toBe(1);
  });

  it('without an address gives no answer', async () => {
    await expect(
      outboundWith({ resolve: async () => [] }).request({
        url: 'https://nobody.example.com/',
        method: 'GET',
      }),
    ).rejects.toMatchObject({ code: 'temporarily_unavailable' });
  });
});

describe('a request', () => {
  it('sends method, headers and body', async () => {
    const target = await serve(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      response.statusCode = 202;
      response.end(`${request.method} ${request.headers['x-test']} ${Buffer.concat(chunks)}`);
    });
    const answer = await outboundWith({ allowedHosts: [target.host] }).request({
      url: `http://${target.host}/hook`,
      method: 'POST',
      headers: { 'x-test': 'yes' },
      body: 'grüße',
    });
    expect(answer).toEqual({ status: 202, body: 'POST yes grüße' });
  });

  it('does not follow a redirect, wherever it points', async () => {
    const inner = await serve((_request, response) => response.end('secret'));
    const target = await serve((_request, response) => {
      response.writeHead(307, { location: `http://${inner.host}/` }).end();
    });
    const outbound = outboundWith({ allowedHosts: [target.host, inner.host] });
    expect((await outbound.request({ url: `http://${target.host}/`, method: 'POST' })).status).toBe(307);
    expect(inner.connections()).toBe(0);
  });

  it('reads no more of an answer than it needs', async () => {
    const target = await serve((_request, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(64 * 1024)));
        if (!response.destroyed) response.once('drain', write);
      };
      write();
    });
    const answer = await outboundWith({ allowedHosts: [target.host] }).request({
      url: `http://${target.host}/`,
      method: 'GET',
    });
    expect(answer.body).toHaveLength(16 * 1024);
  });

  it.each<[what: string, listener: RequestListener]>([
    ['never answers', () => {}],
    ['answers one byte and then nothing', (_request, response) => void response.write('x')],
  ])('ends when its receiver %s', async (_what, listener) => {
    const target = await serve(listener);
    await expect(
      outboundWith({ allowedHosts: [target.host], timeoutMs: 100 }).request({
        url: `http://${target.host}/`,
        method: 'GET',
      }),
    ).rejects.toMatchObject({
      code: 'temporarily_unavailable',
      message: expect.stringContaining('took too long'),
    });
  });

  it('does not go through a proxy of the environment', async () => {
    const proxy = await serve((_request, response) => response.end('proxied'));
    const target = await serve((_request, response) => response.end('direct'));
    process.env.HTTP_PROXY = `http://${proxy.host}`;
    process.env.http_proxy = `http://${proxy.host}`;
    onTestFinished(() => {
      delete process.env.HTTP_PROXY;
      delete process.env.http_proxy;
    });
    const answer = await outboundWith({ allowedHosts: [target.host] }).request({
      url: `http://${target.host}/`,
      method: 'GET',
    });
    expect(answer.body).toBe('direct');
    expect(proxy.connections()).toBe(0);
  });
});
