import assert from 'node:assert/strict'
import { test } from 'node:test'
import { baseSubject } from './base-subject.ts'

const rows: readonly [subject: string, base: string, isReplyOrForward: boolean][] = [
  ['Hello', 'HELLO', false],
  ['Re: Hello', 'HELLO', true],
  ['RE:hello', 'HELLO', true],
  ['Re : Hello', 'HELLO', true],
  ['re: Re: Fw: FWD: hello', 'HELLO', true],
  ['Re[2]: hello', 'HELLO', true],
  ['Re [x] : hello', 'HELLO', true],
  ['[list] hello', 'HELLO', false],
  ['[list] Re: hello', 'HELLO', true],
  ['Re: [list] hello', 'HELLO', true],
  ['[a] [b] hello', 'HELLO', false],
  ['[list]', '[LIST]', false],
  ['[a] [b]', '[B]', false],
  ['hello (fwd)', 'HELLO', true],
  ['hello (FWD) (fwd)  ', 'HELLO', true],
  ['[Fwd: hello]', 'HELLO', true],
  ['[fwd: [fwd: Re: hello]]', 'HELLO', true],
  ['Re:', '', true],
  ['', '', false],
  ['   ', '', false],
  ['Reply hello', 'REPLY HELLO', false],
  ['Re hello', 'RE HELLO', false],
  ['a\t\r\n  b', 'A B', false],
  ['[open hello', '[OPEN HELLO', false],
  ['Re: Größe', 'GRO\u0308SSE', true],
]
for (const [subject, base, isReplyOrForward] of rows) {
  test(`RFC 5256 §2.1: ${JSON.stringify(subject)}`, () => {
    assert.deepEqual(baseSubject(subject), { text: base, isReplyOrForward })
  })
}

test('RFC 5256 §2.1: hostile subjects take no longer', () => {
  const start = process.cpuUsage()
  for (const subject of [
    '[a]'.repeat(100_000),
    'Re: '.repeat(100_000),
    '(fwd)'.repeat(100_000),
    '[fwd:'.repeat(50_000) + ']'.repeat(50_000),
    ' '.repeat(500_000),
  ]) {
    baseSubject(subject)
  }
  assert.ok(process.cpuUsage(start).user < 1_000_000)
})
