import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import fc from 'fast-check'
import { openMailFixture } from '../receive/mail-fixture.ts'
import { submit } from '../receive/submit.ts'
import { createTables } from '../tables/index.ts'
import { type ContentCheckOptions, createContentChecks } from './content-checks.ts'
import { ContentFilter } from './content-filter.ts'
import { messageInParts } from './message-in-parts-fixture.ts'
import { MimeUnits } from './mime-units.ts'

const log: LogEvent[] = []
function filter(options: ContentCheckOptions): ContentFilter {
  log.length = 0
  const tables = createTables({ log: (event) => void log.push(event), now: () => 0 })
  const checks = createContentChecks(options, tables)
  assert.ok(checks)
  return new ContentFilter(checks, {
    log: (event) => void log.push(event),
    queueId: 'ID',
    client: 'c.net[192.0.2.1]',
    sender: 'a@b.c',
    recipient: 'd@e.f',
    protocol: 'ESMTP',
    helo: 'h',
  })
}

/** Octets after the checks, whatever pieces they came in. */
function through(options: ContentCheckOptions, text: string, size = 1_000_000) {
  const one = filter(options)
  const out: Buffer[] = []
  for (let at = 0; at < text.length; at += size)
    out.push(Buffer.from(one.push(Buffer.from(text.slice(at, at + size), 'latin1'))))
  out.push(one.finish())
  return { text: Buffer.concat(out).toString('latin1'), refusal: one.refusal, effects: one.effects }
}

const head = 'From: x@y\r\nSubject: Win\r\n money\r\nX-A: 1\r\n\r\nfirst line\r\nsecond\r\n'
const actions: readonly [action: string, text: string, effects: string, refusal: string, logged: string][] = [
  ['REJECT go away', '', '', '550 5.7.1 go away', 'reject: … : 5.7.1 go away'],
  ['reject', '', '', '550 5.7.1 message content rejected', 'reject: … : 5.7.1 message content rejected'],
  ['REJECT 4.2.1 later', '', '', '451 4.2.1 later', 'reject: … : 4.2.1 later'],
  ['WARN looks odd', '', '', '', 'warning: … : looks odd'],
  ['INFO', '', '', '', 'info: … '],
  ['DISCARD bad', '', 'discard', '', 'discard: … : bad'],
  ['HOLD', '', 'hold', '', 'hold: … '],
  ['DUNNO', '', '', '', ''],
  ['IGNORE', 'From: x@y\r\nX-A: 1\r\n', '', '', ''],
  ['STRIP why', 'From: x@y\r\nX-A: 1\r\n', '', '', 'strip: … : why'],
  [
    'PREPEND X-B: 2',
    'From: x@y\r\nX-B: 2\r\nSubject: Win\r\n money\r\nX-A: 1\r\n',
    '',
    '',
    'prepend: … : X-B: 2',
  ],
  [
    'REPLACE Subject: [$1]',
    'From: x@y\r\nSubject: [Win]\r\nX-A: 1\r\n',
    '',
    '',
    'replace: … : Subject: [Win]',
  ],
  ['PREPEND nothing', '', '', '', 'PREPEND in header checks without a header field'],
  ['REDIRECT r@s.t', '', 'redirect r@s.t', '', 'redirect: … : r@s.t'],
  ['BCC r@s.t', '', 'bcc r@s.t', '', 'bcc: … : r@s.t'],
  ['BCC nobody', '', '', '', 'bad BCC address in header checks: expected user@domain'],
  ['NOSUCH x', '', '', '', 'unknown command in header checks: "NOSUCH x"'],
]

test('header_checks(5): every action, its log line in the words of Postfix', async () => {
  const mail = await openMailFixture({})
  const { writeFileSync } = await import('node:fs')
  for (const [i, [action, text, effects, refusal, logged]] of actions.entries()) {
    const file = `${mail.folder}/checks${i}`
    writeFileSync(file, `/^subject: (\\w+)\\n money$/ ${action}\n/^Subject/ REJECT never reached\n`)
    for (const size of [1, 1_000]) {
      const done = through({ headerChecks: [`regexp:${file}`] }, head, size)
      const header = done.text.slice(0, done.text.indexOf('\r\n\r\n') + 2)
      assert.equal(header, text === '' ? head.slice(0, head.indexOf('\r\n\r\n') + 2) : text, action)
      const shown = done.effects.map((effect) =>
        `${effect.kind} ${'address' in effect ? effect.address : ''}`.trim(),
      )
      assert.equal(shown.join(), effects, action)
      const { code, status, text: said } = done.refusal ?? {}
      assert.equal(done.refusal === undefined ? '' : `${code} ${status} ${said}`, refusal, action)
      const where =
        'header Subject: Win? money from c.net[192.0.2.1]; from=<a@b.c> to=<d@e.f> proto=ESMTP helo=<h>'
      assert.equal(log.map((event) => event.text).join('|'), logged.replace('… ', where), action)
      assert.ok(log.every((event) => event.service === 'cleanup' && event.queueId === 'ID'))
    }
  }
  await mail.close()
})

test('mime_header_checks, nested_header_checks, body_checks: each table sees its units', async () => {
  const mail = await openMailFixture({
    files: {
      header: '/^Subject: one/ WARN h\n/^MIME-Version/ WARN never\n/inner/ WARN never\n',
      mime: '/^X-Part/ WARN p\n/^Content-Type: multipart.*b2/ WARN m\n/^MIME-Version/ WARN v\n/^Subject/ WARN never\n',
      nested: '/^Subject: inner/ WARN n\n/^Content/ WARN never\n',
      body: '/^deep$/ REPLACE shallow\n/^text:/ IGNORE\n/^epilogue$/ PREPEND an end\n/^--b1--$/ WARN b\n',
    },
  })
  const options: ContentCheckOptions = {
    headerChecks: [`regexp:${mail.folder}/header`],
    mimeHeaderChecks: [`pcre:${mail.folder}/mime`],
    nestedHeaderChecks: [`regexp:${mail.folder}/nested`],
    bodyChecks: [`pcre:${mail.folder}/body`],
  }
  const text = messageInParts
  const expected = text
    .replace('deep', 'shallow')
    .replace('text: not a field\r\n', '')
    .replace('epilogue', 'an end\r\nepilogue')
  for (const size of [1, 3, 64, 10_000]) {
    assert.equal(through(options, text, size).text, expected)
    const said = log.map((event) => event.text.replace(/^(\w+): (\w+) .*: /, '$1 $2 '))
    assert.deepEqual(
      said.filter((one) => one.startsWith('warning')),
      [
        'warning header h',
        'warning header v',
        'warning header p',
        'warning header n',
        'warning header m',
        'warning body b',
      ],
    )
  }
  await mail.close()
})

test('body_checks_size_limit, header_size_limit, long lines: bounded, nothing lost', async () => {
  const mail = await openMailFixture({
    files: { body: '/needle/ REJECT found\n', header: '/needle/ REJECT found\n' },
  })
  const body = { bodyChecks: [`regexp:${mail.folder}/body`], bodyChecksSizeLimitBytes: 100 }
  const lines = (count: number) => `A: b\r\n\r\n${'filler\r\n'.repeat(count)}needle\r\n`
  assert.equal(through(body, lines(10)).refusal?.code, 550)
  assert.equal(through(body, lines(20)).refusal, undefined)
  const long = `A: b\r\n\r\n${'x'.repeat(10_000)}needle${'y'.repeat(10_000)}\r\n`
  const whole = { bodyChecks: [`regexp:${mail.folder}/body`] }
  for (const size of [100, 100_000]) {
    const done = through(whole, long, size)
    assert.equal(done.text, long)
    assert.equal(done.refusal?.text, 'found')
  }
  const header = { headerChecks: [`regexp:${mail.folder}/header`], headerSizeLimitBytes: 500 }
  const folded = `A: b\r\n${' z\r\n'.repeat(400)} needle\r\nB: c\r\n\r\nx\r\n`
  assert.equal(through(header, folded, 7).text, folded)
  await mail.close()
})

test('P19: header_checks and body_checks at the end of DATA and for the sendmail command', async () => {
  const mail = await openMailFixture({
    accounts: ['alice@example.org', 'bob@example.org'],
    files: {
      header:
        '/^Subject: .*viagra/ REJECT no such thing\n/^Subject: lost/ DISCARD\n/^Subject: hold/ HOLD\n/^Subject: turn/ REDIRECT bob@example.org\n/^Received: .*by mx\\.example\\.org/ IGNORE\n',
      body: '/^buy now$/ REJECT 5.7.7 advertising\n',
    },
    checks: { headerChecks: ['regexp:$FOLDER/header'], bodyChecks: ['regexp:$FOLDER/body'] },
  })
  const session = await mail.session()
  const send = async (subject: string, text = 'x') =>
    (await mail.say(session, 'a@b.c', ['alice'], `Subject: ${subject}\r\n\r\n${text}\r\n`)).at(-1)
  assert.equal(await send('VIAGRA'), '550 5.7.1 no such thing')
  assert.equal(await send('x', 'buy now'), '550 5.7.7 advertising')
  assert.equal(await send('lost'), '250 2.0.0 Ok: queued as ID')
  assert.equal(await send('turn'), '250 2.0.0 Ok: queued as ID')
  assert.equal((await mail.inbox('alice@example.org')).length, 0)
  const [turned = ''] = await mail.inbox('bob@example.org')
  assert.doesNotMatch(turned, /^Received:/m)
  assert.equal(await send('hold'), '250 2.0.0 Ok: queued as ID')
  assert.equal((await mail.store.queue.list())[0]?.hold, true)
  assert.ok(
    mail
      .lines()
      .includes(
        'cleanup ID: reject: header Subject: VIAGRA from localhost[127.0.0.1]; from=<a@b.c> to=<alice> proto=ESMTP helo=<client.example.net>: 5.7.1 no such thing',
      ),
    mail.lines().join('\n'),
  )
  const sources = {
    store: mail.store,
    log: () => {},
    now: () => mail.clock.ms,
    configuration: () => mail.configuration,
  }
  const by = (subject: string) =>
    submit(
      {
        sender: 'alice',
        recipients: [{ address: 'bob' }],
        content: [Buffer.from(`Subject: ${subject}\n\nx\n`)],
        userid: 0,
      },
      sources,
    )
  assert.deepEqual(
    { ...(await by('viagra')), queueId: '' },
    { code: 550, status: '5.7.1', text: 'no such thing', queueId: '' },
  )
  assert.equal((await by('lost')).code, 250)
  assert.equal((await by('fine')).code, 250)
  assert.equal((await mail.inbox('bob@example.org')).length, 2)
  await mail.close()
})

test('lines that no rule can match are passed over, and nothing else: as if each were looked at', () => {
  const words = [
    'quiet',
    'pills',
    '--b',
    '--b--',
    '--',
    '',
    'Content-Type: text/plain',
    'pi',
    'lls',
    'x'.repeat(30),
  ]
  const head = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n'
  const lines = fc.array(fc.tuple(fc.constantFrom(...words), fc.constantFrom('\r\n', '\n')), {
    maxLength: 25,
  })
  const suspect = Buffer.from('pills')
  /** What was shown, with its offset; boundaries and fields by their effect on the place of what follows. */
  const shown = (text: Buffer, cut: number, quick: 'quick' | 'each'): readonly string[] => {
    const seen: string[] = []
    const units = new MimeUnits(
      {
        field: (unit, place) => {
          seen.push(`${place} ${unit}`)
          return unit
        },
        line: (unit, offset) => {
          if (unit.includes(suspect)) seen.push(`${offset} ${unit}`)
          return unit
        },
        suspectAt: (bytes, from) => {
          if (quick === 'each') return from
          const at = bytes.indexOf(suspect, from)
          return at === -1 ? bytes.length : at + suspect.length - 1
        },
        wants: () => true,
        tooDeep: () => {},
      },
      { fieldBytes: 1_000, depth: 10, boundaryBytes: 100 },
    )
    const out = [units.push(text.subarray(0, cut)), units.push(text.subarray(cut)), units.finish()]
    assert.equal(Buffer.concat(out).toString(), text.toString())
    return seen
  }
  fc.assert(
    fc.property(lines, fc.nat(), (parts, at) => {
      const text = Buffer.from(head + parts.map((part) => part.join('')).join(''))
      const cut = at % (text.length + 1)
      assert.deepEqual(shown(text, cut, 'quick'), shown(text, text.length, 'each'))
    }),
    { numRuns: 1_000 },
  )
})

test('strict_7bit_headers, strict_8bitmime_body: octets beyond ASCII, the message cut at every octet', () => {
  const wide = Buffer.from('Subject: x\r\nContent-Type: text/plain\r\n\r\ncaf\xe9\r\n', 'latin1')
  const announced = Buffer.from('Content-Transfer-Encoding: 8bit\r\n\r\ncaf\xe9\r\n', 'latin1')
  const header = Buffer.from('Subject: caf\xe9\r\n\r\nx\r\n', 'latin1')
  const refusal = (
    text: Buffer,
    cut: number,
    eightBit: { header: 'taken' | 'refused'; body: 'taken' | 'refused' },
  ) => {
    const checks = createContentChecks({ eightBit }, createTables({ log: () => {}, now: () => 0 }))
    if (checks === undefined) return 'no checks'
    const lines: string[] = []
    const filter = new ContentFilter(checks, {
      log: ({ text }) => void lines.push(text),
      queueId: 'Q',
      client: 'c[192.0.2.1]',
      sender: 'a@b',
      recipient: 'c@d',
      protocol: 'ESMTP',
      helo: 'h',
    })
    filter.push(text.subarray(0, cut))
    filter.push(text.subarray(cut))
    filter.finish()
    assert.equal(lines.length, filter.refusal === undefined ? 0 : 1)
    return filter.refusal?.text
  }
  const inHeader = 'improper use of 8-bit data in message header'
  const inBody = 'improper use of 8-bit data in message body'
  assert.equal(refusal(wide, 0, { header: 'taken', body: 'taken' }), 'no checks')
  for (let cut = 0; cut <= wide.length; cut++) {
    assert.equal(refusal(wide, cut, { header: 'refused', body: 'taken' }), undefined)
    assert.equal(refusal(wide, cut, { header: 'taken', body: 'refused' }), inBody)
    assert.equal(refusal(announced, cut, { header: 'refused', body: 'refused' }), undefined)
    assert.equal(refusal(header, cut, { header: 'taken', body: 'refused' }), undefined)
    assert.equal(refusal(header, cut, { header: 'refused', body: 'taken' }), inHeader)
  }
})
