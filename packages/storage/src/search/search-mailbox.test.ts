import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeSummary, headerEnd, scanMessage } from '@posthorn/mail'
import type { FetchWant, MessageBatch, ModSeq, SearchCriteria, Uid } from '../contract.ts'
import { answer } from '../texts/answer.ts'
import { searchMailbox } from './search-mailbox.ts'
import type { SearchSource } from './search-source.ts'
import { SharedReadings } from './shared-reading.ts'

interface Row {
  readonly text: string
  readonly prefix?: string
  readonly flags0?: number
  readonly flags1?: number
  readonly dateMs?: number
}

/** UIDs are 10, 20, 30 …; MODSEQs 1, 2, 3 …; batches of two. */
const sourceOf = (rows: readonly Row[], wanted: string[] = []): SearchSource => {
  const kept = rows.map(({ text, prefix = '', ...row }, i) => {
    const body = Buffer.from(text.replaceAll('\n', '\r\n'))
    return {
      ...row,
      uid: (i + 1) * 10,
      modSeq: i + 1,
      body,
      prefix: Buffer.from(prefix),
      summary: encodeSummary(scanMessage(body)),
    }
  })
  return {
    uids: Uint32Array.from(kept, ({ uid }) => uid),
    keywords: ['$Forwarded', ...Array<string>(30).fill(''), 'Late'],
    async read(uid: Uid, start: number, end: number) {
      wanted.push(`read ${uid} ${start}-${end}`)
      const row = kept.find((each) => each.uid === uid)
      return row && Buffer.concat([row.prefix, row.body]).subarray(start, end)
    },
    async *fetch(uids: Uint32Array, want: FetchWant): AsyncGenerator<MessageBatch> {
      const asked = Object.keys(want).join('+') || 'columns'
      wanted.push(`${want.bytes ?? asked} ${uids.length}`)
      const here = kept.filter(({ uid }) => uids.includes(uid))
      for (let i = 0; i < here.length; i += 2) {
        const batch = here.slice(i, i + 2)
        const bytes = batch.map(({ prefix, body }) =>
          Buffer.concat([prefix, want.bytes === 'header' ? body.subarray(0, headerEnd(body)) : body]),
        )
        yield {
          uids: Uint32Array.from(batch, ({ uid }) => uid),
          flags0: Uint32Array.from(batch, ({ flags0 = 0 }) => flags0),
          flags1: Uint32Array.from(batch, ({ flags1 = 0 }) => flags1),
          modSeqs: Float64Array.from(batch, ({ modSeq }) => modSeq),
          ...(Object.keys(want).length === 0
            ? {}
            : {
                facts: {
                  messageIds: Float64Array.from(batch, ({ uid }) => uid),
                  sizeBytes: Float64Array.from(batch, ({ prefix, body }) => prefix.length + body.length),
                  internalDatesMs: Float64Array.from(batch, ({ dateMs = 0 }) => dateMs),
                  saveDatesMs: Float64Array.from(batch, ({ dateMs = 0 }) => dateMs + 1000),
                },
              }),
          prefixes: batch.map(({ prefix }) => prefix),
          ...(want.summary ? { summaries: batch.map(({ summary }) => summary) } : {}),
          ...(want.bytes ? { bytes } : {}),
        }
      }
    },
  }
}

const rows: readonly Row[] = [
  {
    text: 'From: =?utf-8?Q?J=C3=BCrgen?= <j@example.org>\nSubject: Hello\n  World\nDate: Fri, 1 Jan 2026 23:30:00 -0500\nX-Spam: no\n\nThe quick brown fox\n',
    flags0: 1,
    dateMs: 1000,
  },
  {
    text: 'From: Anna <a@example.org>\nsubject: =?iso-2022-jp?B?GyRCMnE1RBsoQg==?=\nX-Spam: YES\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nR3LDvMOfZSBhdXMgS8O2bG4=\n',
    flags0: 1 | (1 << 5),
    dateMs: 2000,
  },
  {
    text: 'To: x@y\nDate: 3 Jan 2026 00:00:00 +0000\nContent-Type: multipart/mixed; boundary=b\n\npreamble\n--b\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\nX-Part: partword\n\n<p>caf=E9 so=\nft</p>\n--b\nContent-Type: application/pdf; name="report.pdf"\nContent-Transfer-Encoding: base64\n\nUXVpY2s=\n--b\nContent-Type: message/rfc822\n\nSubject: inner subject\n\ninner body\n--b--\n',
    flags1: 1 << 4,
    dateMs: 3000,
  },
  {
    text: 'Subject: \n\n',
    prefix: 'Return-Path: <bounce@example.net>\nX-Original-To: info@example.org\n',
    flags0: 2,
    dateMs: 4000,
  },
]

const day = (iso: string): number => Date.parse(iso) / 86_400_000
const header = (name: string, value: string): SearchCriteria => ({ kind: 'header', name, value })
const body = (value: string): SearchCriteria => ({ kind: 'body', value })
const text = (value: string): SearchCriteria => ({ kind: 'text', value })

const table: readonly [name: string, criteria: SearchCriteria, uids: number[]][] = [
  ['ALL', { kind: 'all' }, [10, 20, 30, 40]],
  ['SEEN', { kind: 'flag', mask: 1 }, [10, 20]],
  ['UNSEEN', { kind: 'not', of: { kind: 'flag', mask: 1 } }, [30, 40]],
  ['KEYWORD', { kind: 'keyword', name: '$FORWARDED' }, [20]],
  ['KEYWORD of the second word', { kind: 'keyword', name: 'late' }, [30]],
  ['KEYWORD unknown', { kind: 'keyword', name: 'nothing' }, []],
  ['KEYWORD of a free slot', { kind: 'keyword', name: '' }, []],
  ['RECENT', { kind: 'recent', since: 30 as Uid }, [30, 40]],
  [
    'UID',
    {
      kind: 'uids',
      ranges: [
        [1, 10],
        [15, 19],
        [30, 35],
      ],
    },
    [10, 30],
  ],
  ['UID none', { kind: 'uids', ranges: [] }, []],
  ['MODSEQ', { kind: 'modseq', atLeast: 3 as ModSeq }, [30, 40]],
  ['LARGER', { kind: 'larger', sizeBytes: 300 }, [30]],
  ['SMALLER', { kind: 'smaller', sizeBytes: 100 }, [40]],
  ['SINCE', { kind: 'internal-date', fromMs: 2000, toMs: 4000 }, [20, 30]],
  ['SAVEDSINCE', { kind: 'save-date', fromMs: 5000, toMs: 6000 }, [40]],
  [
    'SENTON, the zone disregarded',
    { kind: 'sent-date', fromDay: day('2026-01-01'), toDay: day('2026-01-02') },
    [10],
  ],
  ['SENTSINCE', { kind: 'sent-date', fromDay: day('2026-01-02'), toDay: day('2099-01-01') }, [30]],
  ['FROM decoded, case folded', header('from', 'JÜRGEN'), [10]],
  ['FROM', header('from', 'example.ORG'), [10, 20]],
  ['SUBJECT over a fold', header('subject', 'hello  world'), [10]],
  ['SUBJECT iso-2022-jp', header('subject', '会議'), [20]],
  ['HEADER present', header('subject', ''), [10, 20, 40]],
  ['HEADER not kept in summaries', header('x-spam', 'yes'), [20]],
  ['HEADER not kept, present', header('x-spam', ''), [10, 20]],
  ['HEADER of a prefix', header('x-original-to', 'info@'), [40]],
  ['HEADER of a prefix, not kept', header('return-path', 'bounce'), [40]],
  ['HEADER with odd characters in its name', header('x-(a+)+$', ''), []],
  ['HEADER impossible name', header('a b', ''), []],
  ['HEADER of a part is none of the message', header('x-part', ''), []],
  ['BODY', body('QUICK brown'), [10]],
  ['BODY base64 utf-8', body('grüsse'), [20]],
  ['BODY base64 utf-8, ß as ss', body('GRÜSSE AUS'), [20]],
  ['BODY accents as written otherwise', body('ko\u0308ln'), [20]],
  ['BODY quoted-printable over a soft line end', body('café soft'), [30]],
  ['BODY leaves attachments out', body('quick</p>'), []],
  ['BODY has no header', body('jürgen'), []],
  ['BODY has no MIME header', body('partword'), []],
  ['BODY has the headers of messages within', body('inner subject'), [30]],
  ['BODY empty', body(''), [10, 20, 30, 40]],
  ['TEXT in the header', text('jürgen'), [10]],
  ['TEXT in a MIME header', text('report.pdf'), [30]],
  ['TEXT in the prefix', text('bounce@example'), [40]],
  ['TEXT in a body', text('inner body'), [30]],
  ['OR', { kind: 'or', of: [body('fox'), { kind: 'flag', mask: 2 }] }, [10, 40]],
  ['AND', { kind: 'and', of: [header('from', 'example'), header('x-spam', 'no'), body('fox')] }, [10]],
  ['NOT BODY', { kind: 'not', of: body('fox') }, [20, 30, 40]],
  ['NOT (OR)', { kind: 'not', of: { kind: 'or', of: [header('x-spam', ''), text('info@')] } }, [30]],
  ['empty AND', { kind: 'and', of: [] }, [10, 20, 30, 40]],
  ['empty OR', { kind: 'or', of: [] }, []],
]
for (const [name, criteria, uids] of table) {
  test(`RFC 9051 §6.4.4: ${name}`, async () => {
    const found = await searchMailbox(sourceOf(rows), criteria)
    assert.deepEqual([...found.uids], uids)
    assert.equal(found.highestModSeq, Math.max(0, ...uids.map((uid) => uid / 10)))
  })
}

test('what costs least is asked first, and only the undecided are read further', async () => {
  const wanted: string[] = []
  const criteria: SearchCriteria = {
    kind: 'and',
    of: [
      text('fox'),
      header('x-spam', 'no'),
      header('subject', 'e'),
      { kind: 'smaller', sizeBytes: 250 },
      { kind: 'flag', mask: 1 },
    ],
  }
  assert.deepEqual([...(await searchMailbox(sourceOf(rows, wanted), criteria)).uids], [10])
  assert.deepEqual(wanted, ['columns 4', 'facts 2', 'summary 2', 'header 1', 'facts 1', 'all 1'])
  const cheap: string[] = []
  await searchMailbox(sourceOf(rows, cheap), { kind: 'or', of: [{ kind: 'all' }, text('x')] })
  assert.deepEqual(cheap, ['columns 4'])
})

test('facts that came along with the columns are not asked for again', async () => {
  const wanted: string[] = []
  const source = sourceOf(rows, wanted)
  const all: MessageBatch[] = []
  for await (const batch of source.fetch(source.uids, { facts: true })) all.push(batch)
  wanted.length = 0
  const whole: SearchSource = {
    ...source,
    fetch: (uids, want) =>
      Object.keys(want).length === 0 && uids === source.uids ? all : source.fetch(uids, want),
  }
  const criteria: SearchCriteria = {
    kind: 'and',
    of: [
      { kind: 'flag', mask: 1 },
      { kind: 'internal-date', fromMs: 1500, toMs: 4000 },
    ],
  }
  assert.deepEqual([...(await searchMailbox(whole, criteria)).uids], [20])
  assert.deepEqual(wanted, [])
})

test('a header too large for its summary is read itself', async () => {
  const large = { text: `Subject: needle\n${'To: a@b\n'.repeat(20_000)}\nx` }
  const wanted: string[] = []
  assert.deepEqual(
    [...(await searchMailbox(sourceOf([large], wanted), header('subject', 'NEEDLE'))).uids],
    [10],
  )
  assert.deepEqual(wanted, ['columns 1', 'summary 1', 'header 1'])
})

test('an aborted search ends with the signal’s reason', async () => {
  const stop = new AbortController()
  stop.abort(new Error('gone'))
  await assert.rejects(searchMailbox(sourceOf(rows), text('fox'), stop.signal), /gone/)
})

test('others get their turn while a long search runs', async () => {
  const long: Row = { text: `\n${'lorem ipsum dolor sit amet '.repeat(40_000)}` }
  const source = sourceOf(Array<Row>(30).fill(long))
  let turns = 0
  let running = true
  const count = (): void => {
    turns++
    if (running) setImmediate(count)
  }
  setImmediate(count)
  assert.equal((await searchMailbox(source, text('no such words'))).uids.length, 0)
  running = false
  assert.ok(turns > 5, `${turns} turns`)
})

test('large texts are read in pieces and found across their seams', async () => {
  const line = `${'0123456789 äöü '.repeat(5)}\n`
  const plain = line.repeat(Math.ceil(262_144 / Buffer.byteLength(line)) * 3)
  const pages: readonly [encoding: string, text: string][] = [
    ['8bit', `${plain}Needle one${plain}`],
    ['8bit', `${'x'.repeat(262_130)}Needle one${'é'.repeat(400_000)}`],
    ['base64', Buffer.from(`${plain}NEEDLE ONE${plain}`).toString('base64').replace(/.{76}/g, '$&\n')],
  ]
  for (const [encoding, page] of pages) {
    const row: Row = {
      text: `Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: ${encoding}\n\n${page}`,
    }
    assert.equal((await searchMailbox(sourceOf([row]), body('needle ONE'))).uids.length, 1)
    assert.equal((await searchMailbox(sourceOf([row]), body('needle two'))).uids.length, 0)
    for (let offset = -12; offset <= 2; offset++) {
      const seam: Row = {
        text: `Content-Type: text/plain; charset=utf-8\n\n${'x'.repeat(262_144 + offset)}needle ÄÖ${'y'.repeat(300_000)}`,
      }
      assert.equal((await searchMailbox(sourceOf([seam]), body('Needle äö'))).uids.length, 1, `${offset}`)
    }
  }
})

test('of a large message the headers and texts are read, not the attachments', async () => {
  const attachment = `${'QUJD'.repeat(19)}\n`.repeat(10_000)
  const large: Row = {
    prefix: 'Delivered-To: u@example.org\n',
    text: `Subject: large\nX-Odd: header\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst text\n--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n${attachment}--b\nContent-Type: text/plain\n\nlast text\n--b--\n`,
  }
  for (const [criteria, count] of [
    [body('first text'), 1],
    [body('LAST text'), 1],
    [body('ABCABC'), 0],
    [body('QUJDQUJD'), 0],
    [text('image/png'), 1],
    [text('u@example.org'), 1],
    [{ kind: 'and', of: [header('x-odd', 'header'), body('last')] } satisfies SearchCriteria, 1],
    [
      {
        kind: 'not',
        of: { kind: 'or', of: [header('x-odd', 'none'), body('none')] },
      } satisfies SearchCriteria,
      1,
    ],
  ] as const) {
    const wanted: string[] = []
    const found = await searchMailbox(sourceOf([large, ...rows], wanted), {
      kind: 'and',
      of: [{ kind: 'uids', ranges: [[10, 10]] }, criteria],
    })
    assert.equal(found.uids.length, count, JSON.stringify(criteria))
    const octets = wanted
      .map((each) => /^read \d+ (\d+)-(\d+)$/.exec(each))
      .reduce((sum, m) => sum + (m === null ? 0 : Number(m[2]) - Number(m[1])), 0)
    assert.ok(octets > 0 && octets < 5000, wanted.join())
    assert.ok(!wanted.includes('all 1'))
  }
})

test('messages without kept text are read from the newest on; what gets its text meanwhile is not read', async () => {
  const count = 1_100
  const rows = Array.from({ length: count }, (_, n) => ({
    text: `Subject: ${n}\n\n${n % 7 === 0 ? 'needle' : 'hay'} ${n}\n`,
  }))
  for (const [perPass, mostRead] of [
    [0, count],
    [250, 600],
    [1_100, 256],
  ] as const) {
    const wanted: string[] = []
    const source = sourceOf(rows, wanted)
    let kept = 0
    const readings = new SharedReadings()
    const whole: SearchSource = {
      ...source,
      reading: (kind) => readings.of(1, kind, whole),
      async *stored(uids, needles) {
        assert.equal(needles.length, 1)
        for await (const batch of source.fetch(uids, { facts: true })) {
          const answers = Uint8Array.from(batch.uids, (uid) => {
            const n = uid / 10 - 1
            if (n >= kept) return answer.unknown
            return n % 7 === 0 ? answer.yes : answer.no
          })
          yield { batch, answers: [answers], texts: async function* () {} }
        }
        kept += perPass
      },
    }
    const found = await searchMailbox(whole, body('needle'))
    const expected = rows.flatMap((_, n) => (n % 7 === 0 ? [(n + 1) * 10] : []))
    assert.deepEqual([...found.uids], expected)
    assert.equal(found.highestModSeq, expected.at(-1)! / 10)
    const reads = wanted.flatMap((line) => /^all (\d+)/.exec(line)?.slice(1).map(Number) ?? [])
    assert.equal(
      reads.reduce((sum, each) => sum + each, 0),
      mostRead,
    )
  }
})
