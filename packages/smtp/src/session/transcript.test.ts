import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeDown } from './transcript.ts'

test('a transcript has what both say, and not for ever', () => {
  writeDown({}, 'In:  ', 'EHLO x')
  const transcript: string[] = []
  writeDown({ transcript }, 'In:  ', 'EHLO x')
  writeDown({ transcript }, 'Out: ', '250-a\r\n250 b\r\n')
  assert.deepEqual(transcript, ['In:  EHLO x', 'Out: 250-a\r\n250 b\r\n'])
  for (let i = 0; i < 5_000; i++) writeDown({ transcript }, 'In:  ', `NOOP ${i}`)
  assert.ok(transcript.length >= 400 && transcript.length <= 800, String(transcript.length))
  assert.equal(transcript.at(-1), 'In:  NOOP 4999')
})
