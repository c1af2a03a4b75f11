import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyOctets, writeLargeNumber, writeNumber, writeText } from './octet-output.ts'

const written = (write: (out: Buffer, to: number) => number): string => {
  const out = Buffer.alloc(200, '.')
  const end = write(out, 3)
  assert.equal(out.toString('latin1', 0, 3), '...')
  assert.match(out.toString('latin1', end), /^\.+$/)
  return out.toString('latin1', 3, end)
}

test('numbers: all their digits and no more', () => {
  const powers = Array.from({ length: 16 }, (_, digits) => 10 ** digits)
  const bounds = [0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, Number.MAX_SAFE_INTEGER]
  for (const value of [...bounds, ...powers, ...powers.map((power) => power - 1)]) {
    assert.equal(
      written((out, to) => writeLargeNumber(out, to, value)),
      String(value),
    )
    if (value <= 0x7fff_ffff)
      assert.equal(
        written((out, to) => writeNumber(out, to, value)),
        String(value),
      )
  }
})

test('copies of any length, and text of one octet a character', () => {
  const source = Buffer.from(Array.from({ length: 120 }, (_, at) => 0x41 + (at % 50)))
  for (let length = 0; length <= 100; length++)
    assert.equal(
      written((out, to) => copyOctets(source, 7, 7 + length, out, to)),
      source.toString('latin1', 7, 7 + length),
    )
  assert.equal(
    written((out, to) => writeText(out, to, 'aé')),
    'aé',
  )
})
