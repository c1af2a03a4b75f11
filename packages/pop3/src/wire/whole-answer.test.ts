import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QuickMessage } from '@posthorn/storage'
import { type Sending, topAnswer, wholeAnswer } from './whole-answer.ts'

const usual: Sending = { nul: 'replace-nul', missingHeaderEnd: 'added' }

/** Nothing is known of its lines, or of those from an octet on. */
function messageOf(text: string, plainFrom = text.length): QuickMessage {
  return { octets: Buffer.from(text, 'latin1'), plainFrom }
}

function answer(message: string, sending = usual, plainFrom = message.length): string {
  const { bytes } = wholeAnswer(messageOf(message, plainFrom), sending, (length) => Buffer.alloc(length))
  return bytes.toString('latin1')
}

const rows: readonly (readonly [message: string, answer: string])[] = [
  ['A: b\r\n\r\nc\r\n', '+OK 11 octets\r\nA: b\r\n\r\nc\r\n.\r\n'],
  ['\r\nc\r\n', '+OK 5 octets\r\n\r\nc\r\n.\r\n'],
  ['A: b\r\n\r\n.\r\n.c', '+OK 13 octets\r\nA: b\r\n\r\n..\r\n..c\r\n.\r\n'],
  ['A: b\n\nc\n', '+OK 11 octets\r\nA: b\r\n\r\nc\r\n.\r\n'],
  ['A: b\r\n\r\n\0\xff', '+OK 10 octets\r\nA: b\r\n\r\n\x80\xff\r\n.\r\n'],
  // Dovecot: oe-ns-eoh
  ['A: b\r\n', '+OK 6 octets\r\nA: b\r\n\r\n.\r\n'],
  ['A: b', '+OK 4 octets\r\nA: b\r\n\r\n.\r\n'],
  ['A: b\r', '+OK 5 octets\r\nA: b\r\n\r\n.\r\n'],
  ['', '+OK 0 octets\r\n\r\n.\r\n'],
]

for (const [message, expected] of rows)
  test(`RFC 1939 §5: RETR of ${JSON.stringify(message)}`, () => assert.equal(answer(message), expected))

test('Dovecot: without oe-ns-eoh and outlook-no-nuls a message goes as it is', () => {
  const asItIs: Sending = { nul: 'keep-nul', missingHeaderEnd: 'kept' }
  assert.equal(answer('A: \0\r\n', asItIs), '+OK 6 octets\r\nA: \0\r\n.\r\n')
})

test('RFC 1939 §3: lines known to be plain go as they are, what stands before them is looked at', () => {
  const header = 'A: b\r\n.c: d\r\n'
  const plain = '\r\ne\r\n\r\nf\r\n'
  const expected = '+OK 23 octets\r\nA: b\r\n..c: d\r\n\r\ne\r\n\r\nf\r\n.\r\n'
  assert.equal(answer(`${header}${plain}`, usual, header.length), expected)
  // A prefix that does not end its line: what follows begins none.
  assert.equal(answer('A: b\r\n\r\n', usual, 5), '+OK 8 octets\r\nA: b\r\n\r\n.\r\n')
  assert.equal(answer('A: b\r.\r\n', usual, 5), '+OK 9 octets\r\nA: b\r\n..\r\n\r\n.\r\n')
  // They are not looked at: a dot would be seen.
  assert.equal(answer('\r\n.\r\n', usual, 0), '+OK 5 octets\r\n\r\n.\r\n.\r\n')
})

test('RFC 1939 §7: TOP of plain lines ends where it is cut', () => {
  const take = (length: number): Buffer => Buffer.alloc(length)
  for (let plainFrom = 0; plainFrom <= 17; plainFrom++) {
    const message = messageOf('A: b\r\n\r\nc\r\nd\r\nef', plainFrom)
    const { bytes } = topAnswer(message, 1, usual, take)
    assert.equal(bytes.toString('latin1'), '+OK\r\nA: b\r\n\r\nc\r\n.\r\n', `plain from ${plainFrom}`)
  }
})

test('answers lie one behind the other in the memory they are given', () => {
  const room = Buffer.alloc(100)
  let used = 0
  const take = (length: number): Buffer => room.subarray(used, (used += length))
  const first = wholeAnswer(messageOf('\r\na\r\n'), usual, take)
  const second = wholeAnswer(messageOf('\r\n.\r\n'), usual, take)
  assert.deepEqual([first.messageBytes, second.messageBytes], [5, 6])
  assert.equal(
    room.subarray(0, used).toString(),
    '+OK 5 octets\r\n\r\na\r\n.\r\n+OK 5 octets\r\n\r\n..\r\n.\r\n',
  )
})

const tops: readonly (readonly [message: string, lines: number, answer: string])[] = [
  ['A: b\r\n\r\nc\r\nd\r\n', 0, 'A: b\r\n\r\n.\r\n'],
  ['A: b\r\n\r\n.c\r\nd\r\n', 1, 'A: b\r\n\r\n..c\r\n.\r\n'],
  ['A: b\r\n\r\nc\r\nd', 9, 'A: b\r\n\r\nc\r\nd\r\n.\r\n'],
  ['A: b\n\nc\nd\n', 1, 'A: b\r\n\r\nc\r\n.\r\n'],
  ['A: b\r\n', 5, 'A: b\r\n\r\n.\r\n'],
  ['A: b', 0, 'A: b\r\n\r\n.\r\n'],
  ['\r\nc\r\nd\r\n', 1, '\r\nc\r\n.\r\n'],
]

for (const [message, lines, expected] of tops)
  test(`RFC 1939 §7: TOP of ${JSON.stringify(message)}, ${lines} lines`, () => {
    const take = (length: number): Buffer => Buffer.alloc(length)
    const { bytes } = topAnswer(messageOf(message), lines, usual, take)
    assert.equal(bytes.toString('latin1'), `+OK\r\n${expected}`)
  })
