/** RFC 4469, RFC 5550 §3.1: what is put together from texts and URLs, beside what FETCH gives of the same sections. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'
import { oneOf, type Random, randomFrom } from '../testkit/random.ts'

const lines = (...text: string[]) => `${text.join('\r\n')}\r\n`

const messages = [
  lines('From: Ann <ann@example.org>', 'Subject: plain', '', 'one', 'two'),
  lines(
    ...['Subject: parts', 'X-Other: y', 'Content-Type: multipart/mixed; boundary=b', '', 'preamble'],
    ...['--b', 'Content-Type: text/plain', '', 'first', '--b', 'Content-Type: message/rfc822', ''],
    ...['Subject: inner', 'To: bob@example.org', '', 'inner text', '--b--', 'epilogue'],
  ),
  `Subject: long\r\n\r\n${'0123456789\r\n'.repeat(3_000)}`,
]

const sections = [
  '',
  'HEADER',
  'TEXT',
  '1',
  '2',
  '1.MIME',
  '2.HEADER',
  '2.TEXT',
  '2.1',
  '7',
  'HEADER.FIELDS (Subject)',
]

/** undefined for NIL. */
async function fetched(client: RawClient, uid: number, item: string): Promise<string | undefined> {
  const text = (await client.ok(`UID FETCH ${uid} (BODY.PEEK${item})`)).join('\r\n')
  const [head, size] = / \{(\d+)\}\r\n/.exec(text) ?? []
  if (head === undefined) return / ""\)/.test(text) ? '' : undefined
  const from = text.indexOf(head) + head.length
  return text.slice(from, from + Number(size))
}

interface Piece {
  readonly said: string
  /** undefined: there is no such thing. */
  readonly octets: string | undefined
}

async function randomPiece(client: RawClient, random: Random, uidValidity: string): Promise<Piece> {
  if (random(3) === 0) {
    const octets = oneOf(random, ['between\r\n', '', `${'t'.repeat(random(3_000))}\r\n`, 'no line end'])
    const literal = `${oneOf(random, ['', '~'])}{${octets.length}+}\r\n${octets}`
    return { said: `TEXT ${literal}`, octets }
  }
  const uid = 1 + random(messages.length + (random(8) === 0 ? 1 : 0))
  const section = oneOf(random, sections)
  const partial = oneOf(random, [undefined, undefined, [0, 5], [3, 1_000], [40_000, 2]] as const)
  const item = `[${section}]${partial === undefined ? '' : `<${partial.join('.')}>`}`
  const place = oneOf(random, ['/INBOX', `/INBOX;UIDVALIDITY=${uidValidity}`, '/inbox'])
  const url = [
    `${place}/;UID=${uid}`,
    ...(section === '' ? [] : [`;SECTION=${encodeURIComponent(section)}`]),
    ...(partial === undefined ? [] : [`;PARTIAL=${partial.join('.')}`]),
  ].join('/')
  const said = random(4) === 0 ? `{${url.length}+}\r\n${url}` : `"${url}"`
  return {
    said: `URL ${said}`,
    octets: uid > messages.length ? undefined : await fetched(client, uid, item),
  }
}

for (const seed of [1, 2])
  test(`RFC 4469 §3: pieces come in their order, each octet for octet (seed ${seed})`, async (t) => {
    const imap = await startImapFixture(t)
    const client = await imap.login()
    for (const message of messages) await client.append('INBOX', message)
    await client.ok('CREATE made')
    const opened = (await client.ok('SELECT INBOX')).join('\n')
    const uidValidity = /UIDVALIDITY (\d+)/.exec(opened)![1]!
    const random = randomFrom(seed)
    let made = 0
    for (let times = 0; times < 60; times++) {
      const pieces: Piece[] = []
      for (let count = 1 + random(5); count > 0; count--)
        pieces.push(await randomPiece(client, random, uidValidity))
      const lists = pieces.map(({ said }) => said).join(' ')
      const answer = (await client.command(`APPEND made CATENATE (${lists})`)).at(-1)!
      if (pieces.some(({ octets }) => octets === undefined)) {
        assert.match(answer, /^NO \[BADURL [^\]]+\]/, lists.slice(0, 500))
        continue
      }
      const whole = pieces.map(({ octets }) => octets).join('')
      if (whole === '') {
        assert.match(answer, /^NO /)
        continue
      }
      assert.match(answer, /^OK \[APPENDUID \d+ \d+\]/, lists.slice(0, 500))
      const uid = Number(/APPENDUID \d+ (\d+)/.exec(answer)![1])
      assert.equal(uid, ++made, 'nothing of what was refused is kept')
      const reader = await imap.login('made')
      assert.equal(await fetched(reader, uid, '[]'), whole, lists.slice(0, 500))
      await reader.ok('LOGOUT')
    }
    assert.ok(made > 10)
  })
