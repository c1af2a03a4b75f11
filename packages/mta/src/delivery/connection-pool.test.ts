import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { withPeer } from '../queue/peer-fixture.ts'
import type { DeliveryJob } from './attempt.ts'
import type { PoolLimits } from './connection-pool.ts'
import { endpointOf } from './endpoint.ts'
import { defaultRemoteSettings } from './remote-settings.ts'

const site = async (t: TestContext, pool: Partial<PoolLimits>) => {
  const all = { ...defaultRemoteSettings.pool, ...pool }
  const { peer, bench, to } = await withPeer(t, {}, { remote: { pool: all } })
  const send = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      await bench.accept([to(`${n}@far.test`)])
      await bench.until('sent', async () => (await bench.store.queue.count()) === 0)
    }
  }
  return { peer, send, bench }
}

test('smtp_connection_cache_on_demand: while one delivery follows the other', async (t) => {
  const { bench, peer, send } = await site(t, {})
  await send(1)
  await bench.until('QUIT', () => peer.received[0]?.endsWith('QUIT\r\n') === true)
  await send(3)
  assert.equal(peer.connections, 2)
  assert.equal(peer.received[1]?.match(/MAIL FROM/g)?.length, 3)
  assert.doesNotMatch(peer.received[1] ?? '', /QUIT/)
})

test('smtp_connection_cache_destinations: always, and to nobody else where there is no demand', async (t) => {
  const asked: string[] = []
  const always = (name: string): boolean => {
    asked.push(name)
    return name === '127.0.0.1'
  }
  const one = await site(t, { onDemand: 'no', always })
  await one.send(3)
  assert.deepEqual([one.peer.connections, new Set(asked)], [1, new Set(['127.0.0.1'])])
  const other = await site(t, { onDemand: 'no', always: (name) => name === 'far.test' })
  await other.send(2)
  assert.equal(other.peer.connections, 2)
})

test('smtp_connection_reuse_count_limit: so often again; smtp_connection_cache_time_limit: so long', async (t) => {
  const counted = await site(t, { always: () => true, maxReuses: 1 })
  await counted.send(4)
  assert.equal(counted.peer.connections, 2)
  const brief = await site(t, { always: () => true, keepMs: 30 })
  await brief.send(1)
  await brief.bench.until('QUIT', () => brief.peer.received[0]?.endsWith('QUIT\r\n') === true)
  await brief.send(1)
  assert.equal(brief.peer.connections, 2)
  const old = await site(t, { always: () => true, reuseMs: 0.001 })
  await old.send(2)
  assert.equal(old.peer.connections, 2)
})

test('a kept connection is found by its server, too: mail for another destination goes over it', async (t) => {
  const pool = { ...defaultRemoteSettings.pool, always: () => true }
  const mx = (domain: string, host: string) => `${domain}. 300 IN MX 10 ${host}.\n`
  const a = (host: string) => `${host}. 300 IN A 127.0.0.1\n`
  const zone = `${mx('far.test', 'mx.test')}${mx('near.test', 'mx.test')}${a('mx.test')}${mx('other.test', 'mx2.test')}${a('mx2.test')}`
  const { peer, bench } = await withPeer(t, {}, { zone, remote: { pool } })
  const send = async (domain: string): Promise<void> => {
    await bench.accept([bench.recipient(`x@${domain}`, { nextHop: `${domain}:${peer.port}` })])
    await bench.until('sent', async () => (await bench.store.queue.count()) === 0)
  }
  for (const domain of ['far.test', 'near.test', 'near.test', 'far.test']) await send(domain)
  assert.equal(peer.connections, 1)
  assert.equal(peer.received[0]?.match(/MAIL FROM/g)?.length, 4)
  // Another name of the same address may have another certificate.
  await send('other.test')
  assert.equal(peer.connections, 2)
})

test('endpointOf: the terms of a connection are part of its name', () => {
  const server = { host: 'mx.test', address: '192.0.2.1', port: 25 }
  const site = { protocol: 'smtp', heloName: 'us.test', tlsLevel: 'may' } as const
  const job = { entry: { options: {} } } as DeliveryJob
  const terms = (level: 'may' | 'verify', names: string[], user = '') =>
    endpointOf(server, {
      site: user === '' ? site : { ...site, login: { user, password: 'x' } },
      tls: { kind: 'use', level, certificate: { names }, tls: {} },
      job,
    })
  assert.equal(terms('may', ['a.test']), terms('may', ['b.test']))
  assert.notEqual(terms('verify', ['a.test']), terms('verify', ['b.test']))
  assert.notEqual(terms('may', []), terms('verify', []))
  assert.notEqual(terms('may', [], 'alice'), terms('may', [], 'bob'))
  const required = { entry: { options: { requireTls: true } } } as DeliveryJob
  const tls = { kind: 'use', level: 'may', certificate: {}, tls: {} } as const
  assert.notEqual(endpointOf(server, { site, tls, job }), endpointOf(server, { site, tls, job: required }))
})
