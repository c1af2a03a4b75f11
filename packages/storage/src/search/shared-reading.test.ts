import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeSummary, scanMessage } from '@posthorn/mail'
import type { FetchWant, MessageBatch } from '../contract.ts'
import type { Candidate } from './candidate.ts'
import type { SearchSource } from './search-source.ts'
import { SharedReading } from './shared-reading.ts'

const summary = encodeSummary(scanMessage(Buffer.from('Subject: x\r\n\r\nx')))
const nothing = Buffer.alloc(0)

interface Scene {
  readonly source: SearchSource
  /** How often each message was read. */
  readonly reads: Map<number, number>
  /** Before each batch. */
  gate: (uids: Uint32Array) => Promise<void>
}

const scene = (): Scene => {
  const reads = new Map<number, number>()
  const made: Scene = {
    reads,
    gate: async () => {},
    source: {
      uids: new Uint32Array(0),
      keywords: [],
      async *fetch(uids: Uint32Array, _want: FetchWant): AsyncGenerator<MessageBatch> {
        for (let from = 0; from < uids.length; from += 512) {
          const part = uids.subarray(from, from + 512).filter((uid) => uid % 100 !== 99)
          await made.gate(part)
          for (const uid of part) reads.set(uid, (reads.get(uid) ?? 0) + 1)
          const count = part.length
          yield {
            uids: part,
            flags0: new Uint32Array(count),
            flags1: new Uint32Array(count),
            modSeqs: new Float64Array(count),
            prefixes: Array.from(part, () => nothing),
            summaries: Array.from(part, () => summary),
          }
        }
      },
    },
  }
  return made
}

const range = (from: number, to: number): Uint32Array =>
  Uint32Array.from({ length: to - from }, (_, at) => from + at)

const there = (uids: Uint32Array): number[] => [...uids].filter((uid) => uid % 100 !== 99)

const looker = (reading: SharedReading, uids: Uint32Array, signal?: AbortSignal) => {
  const seen: number[] = []
  const done = reading.look(uids, signal, ({ uid }: Candidate) => void seen.push(uid))
  return { seen, done, sorted: () => [...seen].sort((a, b) => a - b) }
}

test('twenty searches at once read each message once, each its own', async () => {
  const { source, reads } = scene()
  let idle = 0
  const reading = new SharedReading(source, 'summary', () => idle++)
  const all = Array.from({ length: 20 }, (_, n) => {
    const uids =
      n % 3 === 0 ? range(1, 10_000) : range(n * 100, 10_000 + n * 10).filter((uid) => uid % n !== 1)
    return { uids, ...looker(reading, uids) }
  })
  await Promise.all(all.map(({ done }) => done))
  for (const { uids, seen } of all) assert.deepEqual(seen, there(uids))
  assert.deepEqual(new Set(reads.values()), new Set([1]))
  assert.equal(idle, 1)
})

test('who comes later joins in, and gets afterwards what was read before', async () => {
  const made = scene()
  const reading = new SharedReading(made.source, 'summary')
  const late: ReturnType<typeof looker>[] = []
  made.gate = async (uids) => {
    if ((uids[0] as number) > 8_000 && late.length === 0) {
      late.push(looker(reading, range(1, 20_000)), looker(reading, range(5, 9)))
    }
  }
  const first = looker(reading, range(1, 20_000))
  await first.done
  for (const each of late) await each.done
  assert.deepEqual(first.seen, there(range(1, 20_000)))
  assert.deepEqual(late[0]?.sorted(), there(range(1, 20_000)))
  assert.ok((late[0]?.seen[0] as number) > 8_000, 'it began where the others were')
  assert.deepEqual(late[1]?.seen, there(range(5, 9)))
  const twice = [...made.reads.values()].filter((count) => count > 1).length
  assert.ok(twice > 0 && twice < 14_000, `${twice} were read twice`)
})

test('one that is given up, or fails, ends alone', async () => {
  const made = scene()
  const reading = new SharedReading(made.source, 'summary')
  const stop = new AbortController()
  const reason = new Error('The client is gone')
  made.gate = async (uids) => {
    if ((uids[0] as number) > 1_000) stop.abort(reason)
  }
  const given = looker(reading, range(1, 6_000), stop.signal)
  const failing = reading.look(range(1, 6_000), undefined, ({ uid }) => {
    if (uid === 700) throw new RangeError('This message')
  })
  const other = looker(reading, range(1, 6_000))
  // Which of them ends first is not said.
  await Promise.all([assert.rejects(given.done, reason), assert.rejects(failing, RangeError), other.done])
  assert.deepEqual(other.seen, there(range(1, 6_000)))
  assert.ok(given.seen.length < 2_000)
})

test('what cannot be read fails those that wanted it, and no others', async () => {
  const made = scene()
  const reading = new SharedReading(made.source, 'summary')
  made.gate = async (uids) => {
    if (uids.includes(9_001)) throw new Error('Damaged')
  }
  const all = looker(reading, range(1, 10_000))
  const few = looker(reading, range(1, 3_000))
  await assert.rejects(all.done, /Damaged/)
  await few.done
  assert.deepEqual(few.seen, there(range(1, 3_000)))
  made.gate = async () => {}
  const again = looker(reading, range(9_000, 9_100))
  await again.done
  assert.deepEqual(again.seen, there(range(9_000, 9_100)))
})

test('nobody is left: nothing more is read', async () => {
  const made = scene()
  const reading = new SharedReading(made.source, 'summary')
  const stop = new AbortController()
  made.gate = async (uids) => {
    if ((uids[0] as number) > 1_000) stop.abort(new Error('gone'))
  }
  await assert.rejects(looker(reading, range(1, 50_000), stop.signal).done, /gone/)
  assert.ok(made.reads.size < 3_000)
})
