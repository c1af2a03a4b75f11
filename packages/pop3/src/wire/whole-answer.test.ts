import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Sending, topAnswer, wholeAnswer } from './whole-answer.ts'

const usual: Sending = { nul: 'replace-nul', missingHeaderEnd: 'added' }

function answer(message: string, sending = usual): string {
  const { bytes } = wholeAnswer(Buffer.from(message, 'latin1'), sending, (length) => Buffer.alloc(length))
  return bytes.toString('latin1')
}

const rows: readonly (readonly [message: string, answer: string])[] = [
  ['A: b\r\n\r\nc\r\n', '+OK 11 octets\r\nA: b\r\n\r\nc\r\n.\r\n'],
  ['\r\nc\r\n', '+OK 5 octets\r\n\r\nc\r\n.\r\n'],
  ['A: b\r\n\r\n.\r\n.c', '+OK 13 octets\r\nA: b\r\n\r\n..\r\n..c\r\n.\r\n'],
  ['A: b\n\nc\n', '+OK 8 octets\r\nA: b\r\n\r\nc\r\n.\r\n'],
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

test('answers lie one behind the other in the memory they are given', () => {
  const room = Buffer.alloc(100)
  let used = 0
  const take = (length: number): Buffer => room.subarray(used, (used += length))
  const first = wholeAnswer(Buffer.from('\r\na\r\n'), usual, take)
  const second = wholeAnswer(Buffer.from('\r\n.\r\n'), usual, take)
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
    const { bytes } = topAnswer(Buffer.from(message, 'latin1'), lines, usual, take)
    assert.equal(bytes.toString('latin1'), `+OK\r\n${expected}`)
  })
