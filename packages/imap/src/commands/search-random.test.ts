/**
 * Messages whose text is known before it is encoded, and searches whose answer is known from that text: whatever
 * charset, transfer encoding and folding are between, the answer must be the same.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeCharset, type TestCharset } from '../testkit/charset-encoder.ts'
import { startImapFixture } from '../testkit/imap-fixture.ts'
import { oneOf, type Random, randomFrom } from '../testkit/random.ts'

const dayMs = 86_400_000
const firstDay = Date.UTC(2024, 0, 28) / dayMs

/** Words that the charset has; cased, composed and wide ones among them. */
const vocabulary: Readonly<Record<TestCharset, readonly string[]>> = {
  'utf-8': ['Größe', 'ÉTÉ', 'Ελλάδα', 'ﬁn', 'ＡＢＣ', 'naïve', '🎉', 'Ǆ', 'İst', 'e\u0301te'],
  gb18030: ['关于', '下周会议', '请查收', '附件', '中的报告', 'ＧＢ'],
  big5: ['關於', '下週會議', '請查收', '附件', '專案'],
  'euc-kr': ['안녕', '회의', '보고서', '첨부', '다음주'],
  'iso-2022-jp': ['会議', 'について', '報告書', 'カタカナ', 'ＪＩＳ'],
  'koi8-r': ['Привет', 'отчёт', 'НЕДЕЛЯ', 'за'],
  'iso-8859-1': ['Übung', 'café', 'señor', 'ÅNGSTRÖM', 'naïve'],
}
const charsets = Object.keys(vocabulary) as TestCharset[]
const plainWords = ['report', 'Meeting', 'x', 'budget', 'a_b', 'a=b', '100%', 'q?', 'the']

interface Known {
  readonly subject: string
  readonly from: string
  readonly note: string | undefined
  readonly texts: readonly string[]
  readonly header: string
  readonly sizeBytes: number
  readonly flags: ReadonlySet<string>
  readonly day: number
  readonly sentDay: number | undefined
}

function phrase(random: Random, charset: TestCharset, words: number): string {
  return Array.from({ length: words }, () =>
    random(3) === 0 ? oneOf(random, plainWords) : oneOf(random, vocabulary[charset]),
  ).join(' ')
}

/** RFC 2047 §5 in words of a few characters, folded between them; or bare UTF-8 (RFC 6532 §3.2). */
function headerWords(random: Random, text: string, charset: TestCharset): Buffer {
  if (charset === 'utf-8' && random(4) === 0) return Buffer.from(text)
  const characters = [...text]
  const words: string[] = []
  while (characters.length > 0) {
    const octets = encodeCharset(characters.splice(0, 1 + random(9)).join(''), charset)
    words.push(
      random(2) === 0
        ? `=?${charset}?B?${octets.toString('base64')}?=`
        : `=?${charset.toUpperCase()}?q?${qEncoded(octets)}?=`,
    )
  }
  return Buffer.from(words.join(oneOf(random, [' ', '\r\n ', '\r\n\t'])))
}

function qEncoded(octets: Buffer): string {
  let text = ''
  for (const octet of octets) {
    const character = String.fromCharCode(octet)
    if (octet === 0x20) text += '_'
    else text += /[A-Za-z0-9]/.test(character) ? character : `=${hex(octet)}`
  }
  return text
}

const hex = (octet: number): string => octet.toString(16).toUpperCase().padStart(2, '0')

function transferEncoded(random: Random, octets: Buffer): { encoding: string; body: Buffer } {
  switch (random(3)) {
    case 0:
      return {
        encoding: 'base64',
        body: Buffer.from(octets.toString('base64').replace(/.{1,60}/g, '$&\r\n')),
      }
    case 1: {
      let text = ''
      let column = 0
      for (const octet of octets) {
        const piece =
          octet > 0x20 && octet < 0x7f && octet !== 0x3d ? String.fromCharCode(octet) : `=${hex(octet)}`
        if (column + piece.length > 20) {
          text += '=\r\n'
          column = 0
        }
        text += piece
        column += piece.length
      }
      return { encoding: 'Quoted-Printable', body: Buffer.from(`${text}\r\n`) }
    }
    default:
      return { encoding: '8bit', body: Buffer.concat([octets, Buffer.from('\r\n')]) }
  }
}

const systemFlags = ['\\Seen', '\\Flagged', '\\Answered', '\\Draft', '\\Deleted', 'Work', '$Junk']

function makeMessage(random: Random): { octets: Buffer; known: Known; date: string } {
  const [c1, c2] = [oneOf(random, charsets), oneOf(random, charsets)]
  const subject = phrase(random, c1, 1 + random(4))
  const name = phrase(random, c2, 1 + random(2)).replaceAll(/[?=%_]/g, '')
  const address = `u${random(9)}@example.org`
  const note = random(3) === 0 ? phrase(random, c2, 2) : undefined
  const sentDay = random(5) === 0 ? undefined : firstDay + random(6)
  const sent =
    sentDay === undefined
      ? undefined
      : new Date(sentDay * dayMs + 3_600_000).toUTCString().replace('GMT', '+0000')
  const parts = Array.from({ length: 1 + random(3) }, () => {
    const charset = oneOf(random, charsets)
    const text = Array.from({ length: 1 + random(3) }, () => phrase(random, charset, 1 + random(5))).join(
      '\r\n',
    )
    const { encoding, body } = transferEncoded(random, encodeCharset(text, charset))
    const head = `Content-Type: text/plain; charset=${charset}\r\nContent-Transfer-Encoding: ${encoding}\r\n`
    return { text, head, body }
  })
  const single = parts.length === 1
  const mime = single ? parts[0]!.head : 'Content-Type: multipart/mixed; boundary="=_b"\r\n'
  const fields: [string, string, Buffer][] = [
    ['Subject', subject, headerWords(random, subject, c1)],
    [
      'From',
      `${name} <${address}>`,
      Buffer.concat([headerWords(random, name, c2), Buffer.from(` <${address}>`)]),
    ],
  ]
  if (note !== undefined) fields.push(['X-Note', note, headerWords(random, note, c2)])
  if (sent !== undefined) fields.push(['Date', sent, Buffer.from(sent)])
  const header = Buffer.concat([
    ...fields.flatMap(([field, , wire]) => [Buffer.from(`${field}: `), wire, Buffer.from('\r\n')]),
    Buffer.from(`MIME-Version: 1.0\r\n${mime}\r\n`),
  ])
  const body = single
    ? parts[0]!.body
    : Buffer.concat([
        ...parts.flatMap((part) => [
          Buffer.from(`--=_b\r\n${part.head}\r\n`),
          part.body,
          Buffer.from('\r\n'),
        ]),
        Buffer.from('--=_b--\r\n'),
      ])
  const octets = Buffer.concat([header, body])
  const lines = fields.map(([field, text]) => `${field}: ${text}\n`).join('')
  const heads = single ? '' : parts.map((part) => part.head).join('')
  const day = firstDay + random(6)
  const known: Known = {
    subject,
    from: `${name} <${address}>`,
    note,
    texts: parts.map((part) => part.text),
    header: `${lines}MIME-Version: 1.0\n${mime}${heads}`.replaceAll('\r', ''),
    sizeBytes: octets.length,
    flags: new Set(systemFlags.filter(() => random(3) === 0)),
    day,
    sentDay,
  }
  return { octets, known, date: `${imapDate(day)} 12:00:00 +0000` }
}

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')
function imapDate(day: number): string {
  const date = new Date(day * dayMs)
  return `${String(date.getUTCDate()).padStart(2, '0')}-${months[date.getUTCMonth()]}-${date.getUTCFullYear()}`
}

/** RFC 5051, the long way. */
const folded = (text: string): string => text.toUpperCase().normalize('NFKD').toUpperCase().normalize('NFKD')
const contains = (text: string, needle: string): boolean => folded(text).includes(folded(needle))

interface Key {
  readonly wire: string
  fits(message: Known, number: number): boolean
}

/** Some characters of what is there, spelt otherwise; now and then what is nowhere. */
function needleFrom(random: Random, messages: readonly Known[]): string {
  if (random(8) === 0) return oneOf(random, ['nowhere', '無い', 'нет', 'meeting report x'])
  const message = oneOf(random, messages)
  const text = oneOf(random, [message.subject, message.from, message.note ?? 'note', ...message.texts])
  const line = oneOf(random, text.split('\r\n'))
  const characters = [...line]
  const start = random(characters.length)
  const piece = characters.slice(start, start + 1 + random(7)).join('')
  return oneOf(random, [
    piece,
    piece.toLowerCase(),
    piece.toUpperCase(),
    piece.normalize('NFD'),
    piece.normalize('NFKC'),
  ])
}

const literal = (text: string): string => {
  const octets = Buffer.from(text)
  return /^[\w ]+$/.test(text) ? `"${text}"` : `{${octets.length}+}\r\n${octets.toString('latin1')}`
}

function textKey(random: Random, messages: readonly Known[]): Key {
  const needle = needleFrom(random, messages)
  const wire = literal(needle)
  switch (random(6)) {
    case 0:
      return { wire: `SUBJECT ${wire}`, fits: ({ subject }) => contains(subject, needle) }
    case 1:
      return { wire: `FROM ${wire}`, fits: ({ from }) => contains(from, needle) }
    case 2:
      return {
        wire: `HEADER x-NOTE ${wire}`,
        fits: ({ note }) => note !== undefined && contains(note, needle),
      }
    case 3:
      return { wire: 'HEADER X-Note ""', fits: ({ note }) => note !== undefined }
    case 4:
      return { wire: `BODY ${wire}`, fits: ({ texts }) => texts.some((text) => contains(text, needle)) }
    default:
      return {
        wire: `TEXT ${wire}`,
        fits: ({ header, texts }) => [header, ...texts].some((text) => contains(text, needle)),
      }
  }
}

function factKey(random: Random): Key {
  const day = firstDay + random(6)
  const flag = oneOf(random, systemFlags)
  const size = 200 + random(700)
  const [from, to] = [1 + random(60), 1 + random(60)]
  const plain = flag.replace(/^\\/, '').toUpperCase()
  const keyword = !flag.startsWith('\\')
  return oneOf<Key>(random, [
    { wire: keyword ? `KEYWORD ${flag}` : plain, fits: ({ flags }) => flags.has(flag) },
    { wire: keyword ? `UNKEYWORD ${flag}` : `UN${plain}`, fits: ({ flags }) => !flags.has(flag) },
    { wire: `LARGER ${size}`, fits: ({ sizeBytes }) => sizeBytes > size },
    { wire: `SMALLER ${size}`, fits: ({ sizeBytes }) => sizeBytes < size },
    { wire: `SINCE ${imapDate(day)}`, fits: (message) => message.day >= day },
    { wire: `BEFORE ${imapDate(day)}`, fits: (message) => message.day < day },
    { wire: `ON ${imapDate(day)}`, fits: (message) => message.day === day },
    { wire: `SENTON ${imapDate(day)}`, fits: ({ sentDay }) => sentDay === day },
    { wire: `SENTSINCE ${imapDate(day)}`, fits: ({ sentDay }) => sentDay !== undefined && sentDay >= day },
    { wire: `${from}:${to}`, fits: (_, n) => n >= Math.min(from, to) && n <= Math.max(from, to) },
    { wire: `UID ${from},${to}:*`, fits: (_, n) => n === from || n >= Math.min(to, 60) },
  ])
}

function anyKey(random: Random, messages: readonly Known[], depth: number): Key {
  const kind = depth > 2 ? random(2) : random(6)
  if (kind === 0) return factKey(random)
  if (kind < 3) return textKey(random, messages)
  const [a, b] = [anyKey(random, messages, depth + 1), anyKey(random, messages, depth + 1)]
  if (kind === 3) return { wire: `NOT ${a.wire}`, fits: (message, n) => !a.fits(message, n) }
  if (kind === 4)
    return { wire: `OR ${a.wire} ${b.wire}`, fits: (message, n) => a.fits(message, n) || b.fits(message, n) }
  return { wire: `(${a.wire} ${b.wire})`, fits: (message, n) => a.fits(message, n) && b.fits(message, n) }
}

test('RFC 9051 §6.4.4, RFC 2047, RFC 5051: random keys over many charsets, beside a naive evaluator', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login()
  const random = randomFrom(20_261_122)
  const messages: Known[] = []
  for (let n = 0; n < 60; n++) {
    const { octets, known, date } = makeMessage(random)
    const flags = [...known.flags].join(' ')
    await client.ok(`APPEND INBOX (${flags}) "${date}" {${octets.length}+}\r\n${octets.toString('latin1')}`)
    messages.push(known)
  }
  await client.ok('SELECT INBOX')
  for (let round = 0; round < 250; round++) {
    const key = anyKey(random, messages, 0)
    const expected = messages.flatMap((message, at) => (key.fits(message, at + 1) ? [at + 1] : []))
    const lines = await client.ok(`SEARCH CHARSET UTF-8 ${key.wire}`)
    assert.equal(lines[0], `* SEARCH${expected.map((n) => ` ${n}`).join('')}`, `${round}: ${key.wire}`)
  }
})
