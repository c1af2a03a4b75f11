import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Transcript } from './transcript.ts'

function record(dialogue: readonly (readonly ['C' | 'S', string])[]): string[] {
  const lines: string[] = []
  const transcript = new Transcript(({ from, text }) =>
    lines.push(`${from === 'client' ? 'C' : 'S'}: ${text}`),
  )
  for (const [from, text] of dialogue)
    if (from === 'C') transcript.received(Buffer.from(text))
    else transcript.sent(text)
  return lines
}

const dialogues: readonly {
  readonly why: string
  readonly said: readonly (readonly ['C' | 'S', string])[]
}[] = [
  {
    why: 'POP3 PASS',
    said: [
      ['C', 'USER alice\r\nPASS hunter2\r\n'],
      ['S', '+OK\r\n+OK Logged in.\r\n'],
    ],
  },
  {
    why: 'POP3 AUTH with initial response',
    said: [
      ['C', 'auth plain hunter2\r\n'],
      ['S', '-ERR\r\n'],
    ],
  },
  {
    why: 'AUTH LOGIN, step by step',
    said: [
      ['C', 'AUTH LOGIN\r\n'],
      ['S', '334 VXNlcm5hbWU6\r\n'],
      ['C', 'hunter2\r\n'],
      ['S', '334 UGFzc3dvcmQ6\r\n'],
      ['C', 'hunter2\r\n'],
      ['S', '235 2.7.0 ok\r\n'],
    ],
  },
  {
    why: 'IMAP LOGIN',
    said: [
      ['C', 'a1 LOGIN alice "hunter2"\r\n'],
      ['S', 'a1 OK\r\n'],
    ],
  },
  {
    why: 'IMAP LOGIN with literals',
    said: [
      ['C', 'a1 login {5}\r\n'],
      ['S', '+ OK\r\n'],
      ['C', 'alice {7}\r\n'],
      ['S', '+ OK\r\n'],
      ['C', 'hunter2\r\n'],
      ['S', 'a1 OK\r\n'],
    ],
  },
  {
    why: 'IMAP AUTHENTICATE with an untagged line between',
    said: [
      ['C', 'a1 AUTHENTICATE PLAIN\r\n'],
      ['S', '+ \r\n* OK hurry\r\n'],
      ['C', 'hunter2\r\n'],
      ['S', 'a1 OK\r\n'],
    ],
  },
  {
    why: 'a command cut in pieces',
    said: [
      ['C', 'PA'],
      ['C', 'SS hun'],
      ['C', 'ter2\r\n'],
      ['S', '+OK\r\n'],
    ],
  },
]

for (const { why, said } of dialogues) {
  test(`no password in the transcript: ${why}`, () => {
    const lines = record([...said, ['C', 'NOOP visible\r\n']])
    assert.ok(!lines.join('\n').includes('hunter2'), lines.join('\n'))
    assert.ok(lines.join('\n').includes('<masked>'))
    assert.equal(lines.at(-1), 'C: NOOP visible')
  })
}

test('control characters are shown, not sent to the terminal, and long lines are cut', () => {
  assert.deepEqual(record([['C', 'a\x1b[2Jb\r\n']]), ['C: a\\x1b[2Jb'])
  const [line = ''] = record([['C', `${'x'.repeat(100_000)}\r\n`]])
  assert.ok(line.length < 600)
})
