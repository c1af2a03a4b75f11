import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Log } from '@posthorn/mail'
import { createSmtpService } from '@posthorn/smtp'
import { scriptedPeer } from '../../../smtp/src/client/scripted-peer-fixture.ts'
import { RecordingHandler } from '../../../smtp/src/handler-fixture.ts'
import { QueueBench } from './queue-fixture.ts'

/** far.test has mail servers at 127.0.0.2, .3 and .1, preferred in this order, on one port. */
const zone = `
far.test.    MX 10 a.far.test.
far.test.    MX 20 b.far.test.
far.test.    MX 30 c.far.test.
a.far.test.  A 127.0.0.2
b.far.test.  A 127.0.0.3
c.far.test.  A 127.0.0.1
`

test('RFC 5321 §5.1: the next mail server when one cannot be reached, breaks off or says 4yz', async (t) => {
  const first = String.raw`a\.far\.test\[127\.0\.0\.2\](?::\d+)?`
  for (const [script, connections, passedOver] of [
    [undefined, 1, `smtp: connect to ${first}: Connection refused`],
    [
      { greeting: '554 5.7.1 go away' },
      1,
      `smtp: ID: host ${first} refused to talk to me: 554 5.7.1 go away`,
    ],
    [{ MAIL: 'DROP' }, 1, `smtp: ID: lost connection with ${first} while sending MAIL FROM`],
    [
      { 'RCPT TO:<x@far.test>': '451 4.3.0 later' },
      1,
      `smtp: ID: host ${first} said: 451 4.3.0 later \\(in reply to RCPT TO command\\)`,
    ],
    [{ 'RCPT TO:<x@far.test>': '550 5.1.1 no' }, 0, undefined],
    [{ '.': 'DROP' }, 0, undefined],
  ] as const) {
    const last = await scriptedPeer({})
    t.after(() => last.close())
    if (script !== undefined) {
      const first = await scriptedPeer(script, { host: '127.0.0.2', port: last.port })
      t.after(() => first.close())
    }
    const others: string[] = []
    const log: Log = ({ service, queueId, text }) =>
      others.push(`${service}: ${queueId === undefined ? '' : 'ID: '}${text}`)
    const bench = await QueueBench.open(t, { zone, delivery: { log } })
    bench.runner.start()
    await bench.accept([bench.recipient('x@far.test', { nextHop: `far.test:${last.port}` })], { sender: '' })
    await bench.until('an attempt', () => bench.logged('smtp').length > 0)
    await bench.quiet()
    assert.equal(last.connections, connections, `${JSON.stringify(script)} ${bench.lines.join('\n')}`)
    // Once for each server that is passed over, before the line of the one that took it. Postfix: smtp(8).
    if (passedOver === undefined) assert.deepEqual(others, [])
    else assert.match(others[0] ?? bench.lines.join('\n'), new RegExp(`^${passedOver}$`))
  }
})

test('mail for an address literal of this machine is returned, not sent to what listens there', async (t) => {
  const bench = await QueueBench.open(t, { zone })
  bench.runner.start()
  const literals = ['[127.0.0.2]', '[0.0.0.0]', '[IPv6:::]', '[IPv6:::ffff:127.9.9.9]', '[IPv6:::1]']
  await bench.accept(
    literals.map((literal) => bench.recipient(`x@${literal}`, { nextHop: literal.toLowerCase() })),
    { sender: '' },
  )
  await bench.until('attempts', () => bench.logged('smtp').length >= literals.length)
  await bench.quiet()
  for (const line of bench.logged('smtp'))
    assert.match(line, /status=bounced \(mail for \S+ loops back to myself\)/)
})

test('Postfix 3.5: several next hops are tried in the order in which they are written', async (t) => {
  const last = await scriptedPeer({})
  t.after(() => last.close())
  const refusing = await scriptedPeer({ 'RCPT TO:<x@far.test>': '451 4.3.0 later' })
  t.after(() => refusing.close())
  const bench = await QueueBench.open(t, { zone })
  bench.runner.start()
  const nextHop = `[127.0.0.2]:${last.port}, [127.0.0.1]:${refusing.port} [127.0.0.1]:${last.port}`
  await bench.accept([bench.recipient('x@far.test', { nextHop })], { sender: '' })
  await bench.until('an attempt', () => bench.logged('smtp').length > 0)
  await bench.quiet()
  assert.deepEqual([refusing.connections, last.connections], [1, 1], bench.lines.join('\n'))
  assert.match(bench.lines.join('\n'), /status=sent/)
})

test('a message goes through our own LMTP service, per-recipient answers kept apart', async (t) => {
  const handler = new RecordingHandler()
  handler.endReplies = (list) =>
    list.map(({ address }) =>
      address.startsWith('full')
        ? { code: 452, status: '4.2.2', text: 'mailbox full' }
        : { code: 250, status: '2.1.5', text: 'Ok' },
    )
  const service = createSmtpService({ handler, options: { hostname: 'store.test' }, log: () => undefined })
  t.after(() => service.close('now'))
  const { port } = await service.listen({ service: 'lmtp', host: '127.0.0.1', port: 0 })
  const bench = await QueueBench.open(t)
  bench.runner.start()
  const nextHop = `inet:127.0.0.1:${port}`
  const recipient = (address: string) => bench.recipient(address, { transport: 'lmtp', nextHop })
  const id = await bench.accept([
    recipient('a@local.test'),
    recipient('full@local.test'),
    recipient('b@local.test'),
  ])
  await bench.until('three lines', () => bench.logged('lmtp').length === 3)
  await bench.quiet()
  const left = (await bench.store.queue.get(id))?.recipients.map(
    ({ address, last }) => `${address} ${last?.status}`,
  )
  assert.deepEqual(left, ['full@local.test 4.2.2'])
})
