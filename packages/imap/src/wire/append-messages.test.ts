import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomFrom } from '../testkit/random.ts'
import { AppendReader, appendMessages, type PendingLiteral } from './append-messages.ts'
import type { Frame } from './frame.ts'
import { Parser } from './parser.ts'

type Piece = 'octets' | 'octets8' | 'utf8' | 'url' | 'url as literal'

const texts: Readonly<Record<Piece, string>> = {
  octets: 'TEXT {3+}\r\n',
  octets8: 'TEXT ~{3+}\r\n',
  utf8: 'UTF8 (~{3+}\r\n)',
  url: 'URL "/INBOX/;UID=1"',
  'url as literal': 'URL {3+}\r\n',
}

/** The frames that a command goes through: one for each literal that is announced, then all of it. */
function framesOf(text: string): Frame[] {
  const announced = [...text.matchAll(/(~?)\{3\+\}\r\n/g)]
  const literals = announced.map(({ index }) =>
    text.slice(0, index).endsWith('URL ') ? Buffer.from('abc') : { streamedBytes: 3 },
  )
  const ends = announced.map(({ index, 0: { length } }) => index + length - 2)
  return [...ends, text.length].map((end, count) => ({
    text: Buffer.from(text.slice(0, end)),
    literals: literals.slice(0, count),
  }))
}

test('RFC 3502, RFC 4469: read literal by literal, messages are what they are as a whole', () => {
  const random = randomFrom(3502)
  const oneOf = <T>(choices: readonly T[]): T => choices[random(choices.length)] as T
  const pieces = Object.keys(texts) as Piece[]
  for (let round = 0; round < 500; round++) {
    const messages = Array.from({ length: 1 + random(6) }, () => {
      const before = `${oneOf(['', '(\\Seen kw) ', '() '])}${oneOf(['', '"17-Jul-1996 02:44:25 -0700" '])}`
      const made = Array.from({ length: 1 + random(5) }, () => texts[oneOf(pieces)])
      return before + oneOf(['{3+}\r\n', '~{3+}\r\n', 'UTF8 (~{3+}\r\n)', `CATENATE (${made.join(' ')})`])
    })
    const text = ` ${messages.join(' ')}`
    const frames = framesOf(text)
    const reader = new AppendReader('many')
    const pending: (PendingLiteral | undefined)[] = frames.map((frame) => reader.read(new Parser(frame)))
    const wanted = [...text.matchAll(/(URL )?(~?)\{3\+\}/g)].map(([, url, binary]) =>
      url === undefined
        ? { kind: 'octets', octets: binary === '~' ? 'any octets' : 'no NUL' }
        : { kind: 'argument' },
    )
    assert.deepEqual(pending, [...wanted, undefined], text)
    assert.deepEqual(reader.messages, appendMessages(new Parser(frames.at(-1)!), 'many'), text)
    assert.equal(reader.messages.length, messages.length)
  }
})

test('thousands of literals cost no more than so many times one', () => {
  const costMs = (text: string): number => {
    const frames = framesOf(text)
    const reader = new AppendReader('many')
    const start = process.threadCpuUsage()
    for (const frame of frames) reader.read(new Parser(frame))
    return process.threadCpuUsage(start).user / 1000
  }
  // Seconds, where each is looked for from the beginning.
  assert.ok(costMs(' {3+}\r\n'.repeat(4_000)) < 500)
  assert.ok(costMs(` CATENATE (${Array(4_000).fill('URL {3+}\r\n').join(' ')})`) < 500)
})
