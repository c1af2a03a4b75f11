import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'
import { fits, treatmentOf } from './client-quirks.ts'

const rows: readonly [text: string, pattern: string, fits: boolean][] = [
  ['Thunderbird', 'thunderbird', true],
  ['Thunderbird', 'Thunder*', true],
  ['Thunderbird', '*bird', true],
  ['Thunderbird', '*u?der*', true],
  ['Thunderbird', 'bird', false],
  ['', '', true],
  ['', '*', true],
  ['x', '', false],
  ['aaab', '*a*b', true],
  ['aaa', '*a*b', false],
  ['16.0', '16.*', true],
  ['a.b', 'a?b', true],
  ['a(b', 'a(b', true],
]
for (const [text, pattern, expected] of rows) {
  test(`"${text}" and the pattern "${pattern}"`, () => assert.equal(fits(text, pattern), expected))
}

test('a pattern of stars costs no more than text × pattern', () => {
  const startedMs = performance.now()
  assert.equal(fits('a'.repeat(1024), `${'*a'.repeat(200)}*b`), false)
  assert.ok(performance.now() - startedMs < 500)
})

const quirks = [
  { name: 'Old Mail*', version: undefined, withheld: ['UIDONLY', 'MOVE'], workarounds: [] },
  { name: '*mail*', version: '1.*', withheld: ['CONDSTORE'], workarounds: ['pause-after-idling'] },
] as const

test('quirks: every rule that fits counts; a client that says nothing has none', () => {
  const of = (name: string, version: string) =>
    treatmentOf(
      new Map([
        ['name', name],
        ['version', version],
      ]),
      quirks,
    )
  const both = of('old mail for Mac', '1.4')
  assert.deepEqual([...both!.withheld], ['UIDONLY', 'MOVE', 'CONDSTORE'])
  assert.deepEqual([...both!.workarounds], ['pause-after-idling'])
  assert.equal(of('New Mail', '2.0'), undefined)
  assert.equal(treatmentOf(new Map(), quirks), undefined)
})

test('imap_client_quirks: after its ID a client hears its own list, and ENABLE keeps to it', async (t) => {
  const { connect } = await startImapFixture(t, { quirks })
  for (const when of ['before login', 'after login']) {
    const client = await connect()
    if (when === 'after login') await client.ok('LOGIN alice secret')
    const lines = await client.ok('ID ("name" "Old Mail" "version" "3")')
    if (when === 'after login') assert.ok(lines.some((line) => /^\* CAPABILITY (?!.* MOVE)/.test(line)))
    else await client.ok('LOGIN alice secret')
    const [capabilities] = await client.ok('CAPABILITY')
    assert.doesNotMatch(capabilities!, / (MOVE|UIDONLY)( |$)/)
    assert.match(capabilities!, / CONDSTORE( |$)/)
    assert.equal((await client.ok('ENABLE UIDONLY CONDSTORE'))[0], '* ENABLED CONDSTORE')
    assert.match((await client.ok('ID ("name" "Other")')).join(), / UIDONLY .* MOVE /)
    await client.ok('LOGOUT')
  }
  const proxied = await connect()
  await proxied.ok('ID ("name" "Old Mail")')
  await proxied.ok('LOGIN alice secret')
  await proxied.ok('UNAUTHENTICATE')
  assert.match((await proxied.ok('LOGIN alice secret')).at(-1)!, / UIDONLY /)
  const other = await connect()
  await other.ok('ID ("name" "Other" "version" "1.0")')
  assert.match((await other.ok('LOGIN alice secret')).at(-1)!, / UIDONLY /)
})

test('Dovecot: imap_capability adds with +, withholds with -, and replaces without either', async (t) => {
  const fixture = await startImapFixture(t, { withheld: new Set(['MOVE']), announcedToo: ['X-SITE'] })
  const client = await fixture.login()
  const [some] = await client.ok('CAPABILITY')
  assert.match(some!, / X-SITE$/)
  assert.doesNotMatch(some!, / MOVE /)
  fixture.setOptions({ announcedOnly: new Set(['IMAP4REV1', 'IDLE', 'UIDPLUS', 'XNOTHING']) })
  assert.equal((await client.ok('CAPABILITY'))[0], '* CAPABILITY IMAP4rev1 IDLE UIDPLUS')
  assert.equal((await client.ok('ENABLE CONDSTORE'))[0], '* ENABLED')
  const before = await fixture.connect()
  assert.match((await before.ok('CAPABILITY'))[0]!, /AUTH=PLAIN/)
})

test('RFC 8437 §8: UNAUTHENTICATE is gone where it is withheld', async (t) => {
  const fixture = await startImapFixture(t, { withheld: new Set(['UNAUTHENTICATE']) })
  const client = await fixture.login()
  assert.match((await client.command('UNAUTHENTICATE')).at(-1)!, /^BAD /)
  await client.ok('SELECT INBOX')
})

test('pause-after-idling: no news where IDLE begins and ends, RFC 9051 §6.3.13', async (t) => {
  const imap = await startImapFixture(t, {
    quirks: [{ name: 'Sleepy', version: undefined, withheld: [], workarounds: ['pause-after-idling'] }],
  })
  const other = await imap.login()
  const client = await imap.login()
  await client.ok('ID ("name" "Sleepy")')
  await client.ok('SELECT INBOX')
  const packets: string[] = []
  client.socket.on('data', (octets) => packets.push(octets.toString()))
  await other.append('INBOX', 'a: b\r\n\r\n')
  const startedMs = performance.now()
  client.send('i IDLE\r\n')
  assert.equal(await client.line(), '+ idling')
  assert.match((await client.line())!, /^\* 1 EXISTS$/)
  assert.ok(performance.now() - startedMs > 50)
  assert.equal(packets[0], '+ idling\r\n')
  assert.match((await client.line())!, /RECENT/)
  client.send('DONE\r\n')
  assert.match((await client.line())!, /^i OK/)
  // The pause has not ended when DONE comes.
  client.send('j IDLE\r\n')
  assert.equal(await client.line(), '+ idling')
  await other.append('INBOX', 'c: d\r\n\r\n')
  client.send('DONE\r\n')
  const after = await client.line()
  if (after === '* 2 EXISTS') return
  assert.match(after!, /^j OK/)
  assert.equal((await client.ok('NOOP'))[0], '* 2 EXISTS')
})

test('fetch-without-news: what came meanwhile is told by the next command that is not FETCH', async (t) => {
  const imap = await startImapFixture(t, {
    quirks: [{ name: 'Busy', version: undefined, withheld: [], workarounds: ['fetch-without-news'] }],
  })
  const other = await imap.login()
  await other.append('INBOX', 'a: b\r\n\r\n')
  const client = await imap.login()
  await client.ok('ID ("name" "Busy")')
  await client.ok('SELECT INBOX')
  await other.ok('SELECT INBOX')
  await other.append('INBOX', 'c: d\r\n\r\n')
  await other.ok('STORE 1 +FLAGS (\\Flagged)')
  for (const fetch of ['FETCH 1 (UID)', 'UID FETCH 1:* (UID)'])
    assert.deepEqual((await client.ok(fetch)).slice(0, -1), ['* 1 FETCH (UID 1)'])
  const told = (await client.ok('NOOP')).join('\n')
  assert.match(told, /^\* 2 EXISTS$/m)
  assert.match(told, /^\* 1 FETCH \(.*\\Flagged/m)
  await other.append('INBOX', 'e: f\r\n\r\n')
  await client.ok('UID FETCH 1 (UID)')
  client.send('i IDLE\r\n')
  assert.equal(await client.line(), '* 3 EXISTS')
})
