// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Resolver, zoneFileResolver } from '@posthorn/dns'
import type { LogEvent } from '@posthorn/mail'
import { type DnsListOptions, DnsLists } from './dns-lists.ts'
import { parseListZone } from './list-zone.ts'
import { name, policyOf, request, said } from './policy-fixture.ts'
import { expandTemplate } from './reply-macros.ts'

const texts: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
  ['$a ${a} $(a) $$a', { a: 'x' }, 'x x x $a'],
  ['[${a?yes}] [${b?yes}]', { a: 'x' }, '[yes] []'],
  ['[${a?{yes}:{no}}] [${b?{yes}:{no $a}}]', { a: 'x' }, '[yes] [no x]'],
  ['[${a:no}] [${b:no}] [${b:{no}}]', { a: 'x' }, '[] [no] [no]'],
  ['${a?; $a}', { a: 'why' }, '; why'],
  ['${a?{${b?{deep}:{shallow}}}}', { a: 'x' }, 'shallow'],
  ['$missing. $ 5 ${', {}, '. $ 5 ${'],
  ['$a', { a: 'line\r\n550 forged\u00e9' }, 'line??550 forged?'],
]
for (const [template, values, expected] of texts) {
  test(`reply text ${JSON.stringify(template)}`, () => {
    assert.equal(
      expandTemplate(template, (key) => values[key]),
      expected,
    )
  })
}

test('default_rbl_reply and rbl_reply_maps', async () => {
  const own = policyOf({
    recipient: 'reject_rbl_client bl.example=127.0.0.4',
    lists: {
      defaultReply: '$rbl_code no: $rbl_class $rbl_what $rbl_domain $helo_name${rbl_reason? ($rbl_reason)}',
    },
  })
  assert.equal(
    await said(own, request()),
    '554 5.7.1 no: Client host 192.0.2.9 bl.example client.net (seehttp://bl)',
  )
  const mapped = policyOf({
    recipient: 'reject_rbl_client bl.example=127.0.0.4',
    rblReplyMaps: ['inline:{ {bl.example = 450 4.7.9 later, $client_address} }'],
  })
  assert.equal(await said(mapped, request()), '450 4.7.9 later, 192.0.2.9')
  const byZone = policyOf({
    recipient: 'reject_rhsbl_sender dbl.example=127.0.1.[2..9]',
    rblReplyMaps: ['inline:{ {dbl.example = 521 $sender_domain of $sender_name} }'],
  })
  assert.equal(await said(byZone, request({ sender: 'joe@spam.net' })), '521 5.7.1 spam.net of joe')
})

test('reject_rhsbl_…: each looks at its own domain', async () => {
  const listed = (of: string, over: Parameters<typeof request>[0]) =>
    said(policyOf({ recipient: `reject_rhsbl_${of} dbl.example` }), request(over))
  const blocked = (what: string) => `554 5.7.1 Service unavailable; ${what} blocked using dbl.example`
  assert.equal(await listed('helo', { helo: 'spam.net' }), blocked('Helo command [spam.net]'))
  assert.equal(await listed('helo', { helo: '[192.0.2.1]' }), 'ok')
  assert.equal(await listed('sender', { sender: 'a@spam.net' }), blocked('Sender address [a@spam.net]'))
  assert.equal(await listed('sender', { sender: '' }), 'ok')
  const named = { ...name('ok', 'spam.net') }
  assert.equal(await listed('client', { clientName: named }), blocked('Client host [spam.net]'))
  const unverified = { ...name('forged', 'unknown'), reverseName: 'spam.net' }
  assert.equal(await listed('client', { clientName: unverified }), 'ok')
  assert.equal(
    await listed('reverse_client', { clientName: unverified }),
    blocked('Unverified Client host [spam.net]'),
  )
  const recipient = policyOf({
    restrictions: { relay: 'permit_auth_destination, reject_rhsbl_recipient dbl.example, reject' },
  })
  assert.equal(
    await said(recipient, request({ recipient: 'x@spam.net' })),
    blocked('Recipient address [x@spam.net]'),
  )
})

test('permit_rhswl_client: a verified name only, and never to relay', async () => {
  const policy = policyOf({ recipient: 'permit_rhswl_client dbl.example, reject' })
  assert.equal(await said(policy, request({ clientName: name('ok', 'spam.net') })), 'ok')
  assert.match(await said(policy, request({ clientName: name('forged', 'spam.net') })), /^554/)
})

/** A resolver whose `a` is scripted, on a clock of its own. */
function lists(a: Resolver['a'], over: DnsListOptions = {}) {
  const dns = { ...zoneFileResolver(''), a }
  const clock = { ms: 0 }
  const events: LogEvent[] = []
  const log = (event: LogEvent) => void events.push(event)
  const made = new DnsLists({ dns, log, now: () => clock.ms, replies: [], code: 554 }, over)
  return { made, clock, events }
}

test('all lists of clients are asked side by side', async () => {
  const asked: string[] = []
  const open = Promise.withResolvers<void>()
  const { made } = lists(async (question) => {
    asked.push(question)
    await open.promise
    return { kind: 'nxdomain', ttlMs: 1 }
  })
  const zones = ['a.example', 'b.example', 'c.example'].map(parseListZone)
  for (const zone of zones) made.addClientZone(zone)
  const first = made.queryClient(zones[0] as ReturnType<typeof parseListZone>, '192.0.2.1')
  assert.deepEqual(asked.toSorted(), ['1.2.0.192.a.example', '1.2.0.192.b.example', '1.2.0.192.c.example'])
  open.resolve()
  assert.equal((await first).kind, 'not-listed')
})

test('a list is asked once a second about a client, each restriction for itself', async () => {
  let asked = 0
  const { made, clock } = lists(async () => {
    asked++
    return { kind: 'records', records: ['127.0.0.4'], ttlMs: 0 }
  })
  clock.ms = 86_400_000
  const [any, other] = [parseListZone('bl.example'), parseListZone('bl.example=127.0.0.2')]
  const kind = async (zone: typeof any) => (await made.query(zone, '192.0.2.1')).kind
  assert.equal(await kind(any), 'listed')
  const before = asked
  assert.equal(await kind(any), 'listed')
  assert.equal(asked, before)
  assert.equal(await kind(other), 'not-listed')
  for (const ms of [86_401_500, 1_500]) {
    const now = asked
    clock.ms = ms
    assert.equal(await kind(any), 'listed')
    assert.ok(asked > now, String(ms))
  }
})

test('clients that come while a list is asked wait for its answer', async () => {
  let asked = 0
  const open = Promise.withResolvers<void>()
  const { made } = lists(async (question) => {
    if (question.startsWith('1.')) asked++
    await open.promise
    return { kind: 'records', records: ['127.0.0.4'], ttlMs: 0 }
  })
  const zone = parseListZone('bl.example')
  const answers = [1, 2, 3].map(async () => (await made.query(zone, '192.0.2.1')).kind)
  const other = made.query(zone, '192.0.2.2')
  open.resolve()
  assert.deepEqual(await Promise.all(answers), ['listed', 'listed', 'listed'])
  assert.equal((await other).kind, 'listed')
  assert.equal(asked, 1)
})

test('RFC 5782 §2.4: an IPv6 client is asked for by its nibbles', async () => {
  const asked: string[] = []
  const { made } = lists(async (question) => {
    asked.push(question)
    return { kind: 'nxdomain', ttlMs: 1 }
  })
  await made.query(parseListZone('bl.example'), '2001:db8::1')
  assert.deepEqual(asked, ['1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example'])
})

test('a list that never answers is waited for no longer than the limit, then left alone, then asked again', async () => {
  let asked = 0
  let silent = true
  const { made, clock, events } = lists(
    () => {
      asked++
      return silent ? new Promise(() => {}) : Promise.resolve({ kind: 'nxdomain', ttlMs: 1 })
    },
    { timeoutMs: 5 },
  )
  const zone = parseListZone('dead.example')
  for (let i = 0; i < 3; i++) assert.equal((await made.query(zone, '192.0.2.1')).kind, 'unavailable')
  assert.equal(asked, 3)
  assert.equal((await made.query(zone, '192.0.2.2')).kind, 'unavailable')
  assert.equal(asked, 3)
  assert.match(events.map(({ text }) => text).join('\n'), /RBL lookup error: dead.example: query timed out/)
  assert.match(events.at(-1)?.text ?? '', /RBL dead.example does not answer: it is not asked for 60 seconds/)
  clock.ms = 61_000
  silent = false
  assert.equal((await made.query(zone, '192.0.2.3')).kind, 'not-listed')
  assert.equal(asked, 4)
})
