import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import { type TestContext, test } from 'node:test'
import { zoneFileResolver } from '@posthorn/dns'
import { fetchHttps, type HttpsAnswer } from '@posthorn/net'
import { makeCertificate } from '../../../smtp/src/client/certificate-fixture.ts'
import { createMtaSts, type StsPolicy, stsAllows } from './mta-sts.ts'

const policyText = (mode: string, more = 'mx: mx.a.test\r\nmx: *.b.test\r\n'): string =>
  `version: STSv1\r\nmode: ${mode}\r\n${more}max_age: 86400\r\n`

const bench = (zone = '') => {
  const resolver = zoneFileResolver(`mta-sts.a.test. A 192.0.2.1\n${zone}`)
  const answers: (HttpsAnswer | Error)[] = []
  const asked: string[] = []
  const saved: ReadonlyMap<string, StsPolicy>[] = []
  let nowMs = 1_000_000
  const make = (kept: ReadonlyMap<string, StsPolicy> = new Map()) =>
    createMtaSts({
      resolver,
      now: () => nowMs,
      memory: { load: () => kept, save: (policies) => void saved.push(new Map(policies)) },
      fetch: async (host, address) => {
        asked.push(`${host} ${address}`)
        const answer = answers.shift()
        if (answer === undefined || answer instanceof Error) throw answer ?? new Error('nothing to say')
        return answer
      },
    })
  const say = (text: string, more: Partial<HttpsAnswer> = {}): void =>
    void answers.push({ status: 200, contentType: 'text/plain; charset=utf-8', text, ...more })
  return { resolver, asked, saved, make, say, answers, pass: (ms: number) => (nowMs += ms) }
}

const txt = (id: string): string => `_mta-sts.a.test. TXT "v=STSv1; id=${id};"\n`

test('RFC 8461 §3: a policy is fetched once, kept, and fetched again when its id changes', async () => {
  const b = bench(txt('one'))
  const sts = b.make()
  b.say(policyText('enforce'))
  const [first, same] = await Promise.all([sts.policyFor('a.test'), sts.policyFor('a.test')])
  assert.equal(first?.mode, 'enforce')
  assert.deepEqual(first?.mx, ['mx.a.test', '*.b.test'])
  assert.equal(same, first)
  await sts.policyFor('a.test')
  assert.deepEqual(b.asked, ['mta-sts.a.test 192.0.2.1'])
  b.resolver.remove('_mta-sts.a.test')
  b.resolver.add(txt('two'))
  b.say(policyText('none', ''))
  assert.equal((await sts.policyFor('a.test'))?.mode, 'none')
  assert.equal(b.saved.length, 2)
})

test('RFC 8461 §5.1, §10.2: neither a record that has gone nor a fetch that fails takes a policy back', async () => {
  const kept = new Map([
    ['a.test', { id: 'one', mode: 'enforce', mx: ['x'], expiresMs: 2_000_000 } as StsPolicy],
  ])
  const gone = bench()
  assert.equal((await gone.make(kept).policyFor('a.test'))?.mode, 'enforce')
  const b = bench(txt('two'))
  const sts = b.make(kept)
  for (const broken of [
    () => b.answers.push(new Error('certificate has expired')),
    () => b.say('', { status: 302 }),
    () => b.say(policyText('enforce'), { contentType: 'text/html' }),
    () => b.say(policyText('enforce').replace('STSv1', 'STSv2')),
    () => b.say(policyText('enforce', '')),
  ]) {
    broken()
    assert.equal((await sts.policyFor('a.test'))?.id, 'one')
    b.pass(300_001 / 5)
  }
  // Between failures it is not asked again.
  assert.equal(b.asked.length, 1)
  b.pass(300_001)
  b.answers.splice(0)
  b.say(policyText('testing'))
  assert.equal((await sts.policyFor('a.test'))?.mode, 'testing')
  b.pass(2 * 86_400_000)
  b.resolver.remove('_mta-sts.a.test')
  assert.equal(await sts.policyFor('a.test'), undefined)
})

test('RFC 8461 §3.3: a policy in use is fetched again each day, and lives on from there', async () => {
  const b = bench(txt('one'))
  const sts = b.make()
  const week = policyText('enforce').replace('86400', '604800')
  b.say(week)
  await sts.policyFor('a.test')
  const aDay = 86_400_000
  b.pass(aDay - 1)
  await sts.policyFor('a.test')
  await new Promise(setImmediate)
  assert.equal(b.asked.length, 1)
  b.pass(1)
  b.say(week)
  // Mail does not wait for it, and many ask once.
  for (let i = 0; i < 3; i++) assert.equal((await sts.policyFor('a.test'))?.mode, 'enforce')
  await new Promise(setImmediate)
  assert.equal(b.asked.length, 2)
  // On the day on which the first one would have ended nothing can be fetched.
  for (let day = 0; day < 6; day++) {
    b.pass(aDay)
    assert.equal((await sts.policyFor('a.test'))?.mode, 'enforce', `day ${day + 3}`)
    await new Promise(setImmediate)
  }
  assert.equal(b.asked.length, 8)
  b.pass(aDay)
  assert.equal(await sts.policyFor('a.test'), undefined)
})

test('RFC 8461 §3.1: records that are none', async () => {
  for (const records of [
    '_mta-sts.a.test. TXT "v=STSv1"',
    '_mta-sts.a.test. TXT "v=STSv1; id=a b;"',
    '_mta-sts.a.test. TXT "v=STSv2; id=1;"',
    `${txt('one')}${txt('two')}`,
    '_mta-sts.a.test. FAIL servfail',
  ]) {
    const b = bench(`${records}\n`)
    assert.equal(await b.make().policyFor('a.test'), undefined, records)
    assert.deepEqual(b.asked, [])
  }
})

test('RFC 8461 §4.1: which hosts a policy allows', () => {
  const policy: StsPolicy = { id: '1', mode: 'enforce', mx: ['mx.a.test', '*.b.test'], expiresMs: 0 }
  for (const [host, expect] of [
    ['mx.a.test', true],
    ['MX.A.TEST', true],
    ['x.mx.a.test', false],
    ['one.b.test', true],
    ['one.two.b.test', false],
    ['b.test', false],
  ] as const)
    assert.equal(stsAllows(policy, host), expect, host)
})

const web = async (t: TestContext, name: string) => {
  const root = makeCertificate({ name: 'Test Root', kind: 'authority' })
  const { cert, key } = makeCertificate({ name, kind: 'server', issuer: root })
  const server = createServer({ cert, key }, (request, response) => {
    if (request.url === '/long') return response.end('x'.repeat(100_000))
    if (request.url === '/moved') return response.writeHead(301, { location: '/ok' }).end()
    return response.writeHead(200, { 'content-type': 'text/plain' }).end(policyText('enforce'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const ask = (path: string, more: { readonly ca?: string } = { ca: root.cert }) =>
    fetchHttps({
      host: 'mta-sts.a.test',
      address: '127.0.0.1',
      port,
      path,
      timeoutMs: 5_000,
      maxBytes: 65_536,
      ...more,
    })
  return ask
}

test('RFC 8461 §3.3: over HTTPS, certificate verified, no redirect followed, no endless answer', async (t) => {
  const ask = await web(t, 'mta-sts.a.test')
  assert.equal((await ask('/.well-known/mta-sts.txt')).text, policyText('enforce'))
  assert.equal((await ask('/moved')).status, 301)
  await assert.rejects(ask('/long'), /longer than 65536/)
  await assert.rejects(ask('/ok', {}), /unable to verify|self.signed/)
  const wrong = await web(t, 'other.test')
  await assert.rejects(wrong('/ok'), /does not match certificate/)
})
