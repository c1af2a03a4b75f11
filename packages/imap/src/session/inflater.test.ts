import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib'
import { Deflater } from './deflater.ts'
import { Inflater } from './inflater.ts'

test('RFC 4978: a compressor that rested goes on, and the reader does not notice', async () => {
  const reader = createInflateRaw()
  let text = ''
  reader.on('data', (octets: Buffer) => {
    text += octets.toString()
  })
  const deflater = new Deflater((octets) => reader.write(octets))
  let expected = ''
  for (let round = 0; round < 20; round++) {
    const line = `* ${round} FETCH (FLAGS (\\Seen))\r\n`.repeat(1 + (round % 3) * 400)
    expected += line
    deflater.push(Buffer.from(line))
    assert.equal(deflater.rest(), false, 'not while it works')
    await deflater.settled
    if (round % 2 === 0) assert.equal(deflater.rest(), true)
  }
  while (text.length < expected.length) await new Promise(setImmediate)
  assert.equal(text, expected)
  deflater.close()
})

for (const flush of ['Z_SYNC_FLUSH', 'Z_PARTIAL_FLUSH', 'Z_FULL_FLUSH'] as const) {
  test(`RFC 4978: a decompressor that rested goes on with what is referred to (${flush})`, async () => {
    let text = ''
    const inflater = new Inflater({
      octets: (octets) => {
        text += octets.toString()
      },
      full: () => undefined,
      damaged: () => assert.fail('damaged'),
    })
    const writer = createDeflateRaw({ flush: constants[flush] })
    const pieces: Buffer[] = []
    writer.on('data', (octets: Buffer) => pieces.push(octets))
    let expected = ''
    for (let round = 0; round < 40; round++) {
      const line = `a${round} UID FETCH ${round}:* (FLAGS) ${'0123456789abcdef'.repeat(round * 20)}\r\n`
      expected += line
      await new Promise<void>((resolve) => writer.write(line, () => resolve()))
      await new Promise(setImmediate)
      for (const octets of pieces.splice(0)) inflater.push(octets)
      while (text.length < expected.length) await new Promise(setImmediate)
      await new Promise<void>((resolve) => inflater.whenSettled(resolve))
      inflater.rest()
    }
    assert.equal(text, expected)
    inflater.close()
  })
}
