import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Sending } from '../wire/whole-answer.ts'
import { MessageReader, type MessageSource, type Outlet } from './message-reader.ts'

const sending: Sending = { nul: 'keep-nul', missingHeaderEnd: 'kept' }
const sizes = [100, 60_000, 130_000, 200_000, 250_000]

/** Messages that tell their number in every octet, in memory that the next read uses again. */
function source(): MessageSource {
  const room = Buffer.alloc(260_000)
  return {
    count: sizes.length,
    readNow: (number) => {
      const octets = room.subarray(0, sizes[number - 1]).fill(64 + number)
      return { octets, plainFrom: octets.length }
    },
    read: async (number) => Buffer.alloc(sizes[number - 1]!, 64 + number),
  }
}

/** A client that takes octets when it likes: until then they lie where the reader has made them. */
class SlowClient implements Outlet {
  readonly waiting: Uint8Array[] = []
  received = ''

  get backlogBytes(): number {
    return this.waiting.reduce((sum, each) => sum + each.length, 0)
  }

  flush(): void {}

  take(octets: number): void {
    for (let left = octets; left > 0 && this.waiting.length > 0; ) {
      const first = this.waiting[0]!
      const part = first.subarray(0, left)
      left -= part.length
      // Only what may be wrong is kept: the first and the last octets.
      this.received += summary(part)
      if (part.length === first.length) this.waiting.shift()
      else this.waiting[0] = first.subarray(part.length)
    }
  }
}

/** Runs of equal octets, without their lengths. */
const summary = (octets: Uint8Array): string =>
  Buffer.from(octets)
    .toString('latin1')
    .replace(/(.)\1+/g, '$1')

const expected = (number: number): string => {
  const letter = String.fromCharCode(64 + number)
  return `+OK ${sizes[number - 1]} octets\r\n${letter}\r\n.\r\n`
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('retr' as const), number: fc.integer({ min: 1, max: sizes.length }) }),
  fc.record({ kind: fc.constant('next' as const) }),
  fc.record({ kind: fc.constant('prepare' as const) }),
  fc.record({ kind: fc.constant('take' as const), octets: fc.integer({ min: 1, max: 400_000 }) }),
)

test('RFC 2449 §6.8: answers wait unharmed for a client that takes them slowly, also behind one made ahead', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const client = new SlowClient()
      const reader = new MessageReader(source(), client)
      let last = 0
      let wanted = ''
      const retrieve = (number: number): void => {
        last = number
        client.waiting.push(reader.answerNow(number, sending)!.bytes)
        wanted += expected(number)
      }
      for (const each of steps) {
        if (each.kind === 'retr') retrieve(each.number)
        else if (each.kind === 'next') retrieve((last % sizes.length) + 1)
        else if (each.kind === 'prepare') reader.prepare(sending)
        else client.take(each.octets)
      }
      client.take(Number.POSITIVE_INFINITY)
      assert.equal(runs(client.received), runs(wanted))
    }),
    { numRuns: 200 },
  )
})

test('the memory of a client that takes its answers is used again', () => {
  const client = new SlowClient()
  const reader = new MessageReader(source(), client)
  const memories = new Set<ArrayBufferLike>()
  for (let round = 0; round < 20; round++)
    for (const number of [1, 2, 3]) {
      const { bytes } = reader.answerNow(number, sending)!
      memories.add(bytes.buffer)
      client.waiting.push(bytes)
      // It is always 130,000 octets behind.
      client.take(Math.max(0, client.backlogBytes - 130_000))
    }
  assert.equal(memories.size, 2)
})

/** A message that was taken in parts has parts that look alike. */
const runs = (text: string): string => text.replace(/(.)\1+/g, '$1')

test('RFC 1939 §7: who mixes RETR with TOP has nothing made ahead that nobody asks for', () => {
  const messages = source()
  let reads = 0
  const reader = new MessageReader(
    {
      ...messages,
      readNow: (number, limit) => {
        reads++
        return messages.readNow(number, limit)
      },
    },
    new SlowClient(),
  )
  for (let number = 1; number <= 4; number++) {
    reader.topNow(number, 0, sending)
    reader.prepare(sending)
    reader.answerNow(number, sending)
    reader.prepare(sending)
  }
  assert.equal(reads, 8)
  reader.answerNow(4, sending)
  reader.answerNow(5, sending)
  assert.equal(reads, 10)
})
