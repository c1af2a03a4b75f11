import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { message as corpusMessage } from '../../../../bench/corpus.mjs'
import type { MailboxId, SearchCriteria, Store } from '../contract.ts'
import { searchMailbox } from '../search/index.ts'
import { mailboxOf, openInbox } from '../testkit/open-inbox.ts'
import { textsName } from './text-record.ts'

const append = async (
  store: Store,
  mailbox: MailboxId,
  texts: readonly (string | Buffer)[],
): Promise<void> => {
  for (const text of texts) {
    const writer = store.messages.stage()
    await writer.write(Buffer.from(text as string))
    const message = await writer.finish()
    await store.messages.append(mailbox, [{ message, flags: { system: 0, keywords: [] }, internalDateMs: 0 }])
  }
}

/** With kept texts, and counting what had to be read in messages. */
const search = async (store: Store, mailbox: MailboxId, criteria: SearchCriteria): Promise<number[]> => [
  ...(await store.messages.search(mailbox, criteria)).uids,
]

/** The slow way: every message is read. */
const searchDirectly = async (
  store: Store,
  mailbox: MailboxId,
  criteria: SearchCriteria,
): Promise<number[]> => {
  const { uids, mailbox: facts } = await store.messages.view(mailbox)
  const source = {
    uids,
    keywords: facts.keywords,
    fetch: (wanted: Uint32Array, want: Parameters<Store['messages']['fetch']>[2]) =>
      store.messages.fetch(mailbox, wanted, want),
  }
  return [...(await searchMailbox(source, criteria)).uids]
}

const textBytes = (directory: string): number =>
  readdirSync(join(directory, textsName)).reduce(
    (sum, name) => sum + statSync(join(directory, textsName, name)).size,
    0,
  )

const body = (value: string): SearchCriteria => ({ kind: 'body', value })
const text = (value: string): SearchCriteria => ({ kind: 'text', value })
const header = (name: string, value: string): SearchCriteria => ({ kind: 'header', name, value })

test('RFC 9051 §6.4.4: kept texts answer as the messages of the corpus do, in all of their charsets', async (t) => {
  const { store, inbox } = await openInbox(t)
  const messages = Array.from({ length: 120 }, (_, i) => corpusMessage(i) as Buffer)
  await append(store, inbox, messages)
  await store.makeTexts()
  const words = new Set<string>([
    'meeting',
    'e',
    'Ä',
    'ß',
    'the ',
    'html',
    '<p',
    '日',
    '本',
    'при',
    'ＡＢ',
    'image/png',
  ])
  const { decodedTexts, decodeSummary, encodeSummary, scanMessage } = await import('@posthorn/mail')
  for (const [i, message] of messages.entries()) {
    if (i % 4 !== 0) continue
    const pieces = [...decodedTexts(message, decodeSummary(encodeSummary(scanMessage(message))))]
    for (const piece of [pieces[0], pieces.at(-1)]) {
      const whole = piece?.text.replace(/\s+/g, ' ') ?? ''
      const from = (i * 7919) % Math.max(1, whole.length - 20)
      words.add(whole.slice(from, from + 3 + (i % 12)).toWellFormed())
    }
  }
  for (const word of words) {
    for (const criteria of [body(word), text(word), header('subject', word), header('from', word)]) {
      const kept = await search(store, inbox, criteria)
      assert.deepEqual(kept, await searchDirectly(store, inbox, criteria), JSON.stringify(criteria))
    }
  }
})

const samples = [
  'From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nSubject: one\r\n two\r\nX-Odd : spaced\r\nX-Empty:\r\n\r\nStraße\r\n',
  'Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B%F%9%H\x1b(B\r\n',
  Buffer.concat([
    Buffer.from('Content-Type: text/plain; charset=gb18030\r\nSubject: gb\r\n\r\n'),
    Buffer.of(0xd6, 0xd0, 0xce, 0xc4),
  ]),
  Buffer.concat([
    Buffer.from('Content-Type: text/plain; charset=koi8-r\r\n\r\n'),
    Buffer.of(0xf0, 0xf2, 0xe9, 0xf7, 0xe5, 0xf4),
  ]),
  'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n77yh77yi77yjIGZ1bGwgd2lkdGg=\r\n',
  'Content-Type: multipart/mixed; boundary=b\r\nSubject: parts\r\n\r\n--b\r\nX-Odd: in a part\r\n\r\nfirst\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: inner@example.org\r\n\r\ninner\r\n--b--\r\n',
  'subject: fold\r\n\tgoes on\r\nSubject: second\r\n\r\n',
  '\r\nno header',
  `Subject: long\r\n\r\n${'filler words and so on\r\n'.repeat(15_000)}needle at the end`,
] as const

const questions: readonly SearchCriteria[] = [
  ...['jürgen', 'JU\u0308RGEN', 'two', 'one two', 'j', 'inner', 'parts', 'second', 'goes on', ' one'].flatMap(
    (v) => [header('from', v), header('subject', v), text(v), body(v)],
  ),
  ...['x-odd', 'x-empty', 'x-none', 'subject', 'odd', 'content-type', 'X-ODD'].map((name) =>
    header(name, ''),
  ),
  ...['spaced', ' spaced', 'in a part', 'odd'].map((v) => header('x-odd', v)),
  ...[
    'STRASSE',
    'テスト',
    '中文',
    'привет',
    'abc full',
    'needle at the end',
    'x-odd: in',
    'first\r\n',
  ].flatMap((v) => [body(v), text(v)]),
  { kind: 'and', of: [text('e'), { kind: 'not', of: header('subject', 'parts') }] },
  { kind: 'or', of: [body('inner'), header('from', 'jürgen'), { kind: 'larger', sizeBytes: 10_000 }] },
  { kind: 'and', of: [text('needle'), { kind: 'sent-date', fromDay: 0, toDay: 1e6 }] },
]

const assertSame = async (store: Store, mailbox: MailboxId, what: string): Promise<void> => {
  for (const criteria of questions) {
    const kept = await search(store, mailbox, criteria)
    assert.deepEqual(
      kept,
      await searchDirectly(store, mailbox, criteria),
      `${what} ${JSON.stringify(criteria)}`,
    )
  }
}

test('RFC 9051 §6.4.4: fields, folds, charsets and parts, before there are texts, with some, and with all', async (t) => {
  const { store, inbox } = await openInbox(t)
  await append(store, inbox, samples)
  await assertSame(store, inbox, 'none')
  await store.makeTexts()
  await assertSame(store, inbox, 'all')
  await append(store, inbox, samples)
  await assertSame(store, inbox, 'half')
})

test('copies, moves, removal: texts follow their messages, and go with them', async (t) => {
  const { store, inbox, account, directory } = await openInbox(t)
  const archive = await mailboxOf(store, account, 'Archive')
  await append(store, inbox, Array(7).fill(samples).flat())
  await store.makeTexts()
  const before = textBytes(directory)
  await store.messages.copy(inbox, Uint32Array.of(1, 2, 3, 4, 5), archive)
  await store.messages.move(inbox, Uint32Array.of(6, 7, 8, 9), archive)
  await store.makeTexts()
  assert.ok(textBytes(directory) <= before + 200, 'nothing is made twice')
  await assertSame(store, inbox, 'inbox')
  await assertSame(store, archive, 'archive')
  const { uids } = await store.messages.view(inbox)
  await store.messages.discard(inbox, uids.slice(3))
  await store.makeTexts()
  assert.ok(textBytes(directory) < before / 2, `${textBytes(directory)} of ${before}`)
  await assertSame(store, inbox, 'inbox, compacted')
  await assertSame(store, archive, 'archive, compacted')
  for (const mailbox of [inbox, archive]) {
    await store.messages.discard(mailbox, (await store.messages.view(mailbox)).uids)
  }
  await store.makeTexts()
  assert.ok(textBytes(directory) < 200, 'nothing left')
})

test('lost, cut short and damaged texts cost time only', async (t) => {
  const { store, inbox, directory } = await openInbox(t)
  await append(store, inbox, samples)
  await store.makeTexts()
  const folder = join(directory, textsName)
  const file = (end: string): string =>
    join(folder, readdirSync(folder).find((name) => name.endsWith(end)) ?? '')
  const harms: readonly [string, () => void][] = [
    [
      'a body with other octets',
      () => writeFileSync(file('.body'), readFileSync(file('.body')).fill(0x20, 10, 4000)),
    ],
    ['a head cut short', () => writeFileSync(file('.head'), readFileSync(file('.head')).subarray(0, 100))],
    [
      'an index with a torn end',
      () => writeFileSync(file('.idx'), readFileSync(file('.idx')).subarray(0, -30)),
    ],
    [
      'an index with a wrong record',
      () => writeFileSync(file('.idx'), readFileSync(file('.idx')).fill(1, 40, 60)),
    ],
    ['an index of nonsense', () => writeFileSync(file('.idx'), 'nonsense, and more of it')],
    ['no bodies', () => rmSync(file('.body'))],
    [
      'nothing',
      () =>
        readdirSync(folder).forEach((name) => {
          rmSync(join(folder, name))
        }),
    ],
  ]
  for (const [what, harm] of harms) {
    harm()
    await assertSame(store, inbox, what)
    await append(store, inbox, ['Subject: more\r\n\r\nand more parts\r\n'])
    await store.makeTexts()
    await assertSame(store, inbox, `${what}, and texts were made after it`)
  }
})

test('RFC 6203 §4: kept texts are rated as the messages themselves', async (t) => {
  const { store, inbox } = await openInbox(t)
  const messages = Array.from({ length: 80 }, (_, i) => corpusMessage(i) as Buffer)
  await append(store, inbox, [...messages, ...samples])
  await store.makeTexts()
  await append(store, inbox, samples)
  const { uids, mailbox: facts } = await store.messages.view(inbox)
  const source = {
    uids,
    keywords: facts.keywords,
    fetch: (wanted: Uint32Array, want: Parameters<Store['messages']['fetch']>[2]) =>
      store.messages.fetch(inbox, wanted, want),
  }
  const fuzzy = (value: string, field: 'text' | 'body' | 'header', name = ''): SearchCriteria => ({
    kind: 'fuzzy',
    field,
    name,
    value,
  })
  const criteria: readonly SearchCriteria[] = [
    ...['meetng', 'needel end', 'jurgen', 'привет', 'テスト', 'inner part', 'filer wrods'].flatMap(
      (value) => [fuzzy(value, 'text'), fuzzy(value, 'body'), fuzzy(value, 'header', 'subject')],
    ),
    { kind: 'and', of: [fuzzy('meeting', 'text'), { kind: 'sent-date', fromDay: 0, toDay: 20_000 }] },
    { kind: 'not', of: fuzzy('meeting', 'text') },
    { kind: 'or', of: [fuzzy('secnd', 'text'), { kind: 'larger', sizeBytes: 30_000 }] },
  ]
  let found = 0
  for (const each of criteria) {
    const kept = await store.messages.search(inbox, each)
    assert.deepEqual(kept, await searchMailbox(source, each), JSON.stringify(each))
    found += kept.uids.length
  }
  assert.ok(found > 50)
})
