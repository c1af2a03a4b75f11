import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeSummary, scanMessage } from '@posthorn/mail'
import type { MessageBatch, SearchCriteria, Uid } from '../contract.ts'
import { searchMailbox } from './search-mailbox.ts'
import type { SearchSource } from './search-source.ts'
import { SharedReadings } from './shared-reading.ts'

/** A mailbox of one message, which is read together with other searches. */
const sourceOf = (message: Buffer): SearchSource => {
  const summary = encodeSummary(scanMessage(message))
  const readings = new SharedReadings()
  const source: SearchSource = {
    uids: Uint32Array.of(10),
    keywords: [],
    reading: (kind) => readings.of(1, kind, source),
    read: async (_: Uid, start: number, end: number) => message.subarray(start, end),
    async *fetch(uids: Uint32Array): AsyncGenerator<MessageBatch> {
      if (uids.length === 0) return
      const times = Float64Array.of(0)
      const sizeBytes = Float64Array.of(message.length)
      yield {
        uids: Uint32Array.of(10),
        flags0: Uint32Array.of(0),
        flags1: Uint32Array.of(0),
        modSeqs: Float64Array.of(1),
        facts: { messageIds: Float64Array.of(10), sizeBytes, internalDatesMs: times, saveDatesMs: times },
        prefixes: [Buffer.alloc(0)],
        summaries: [summary],
        bytes: [message],
      }
    },
  }
  return source
}

const body = (value: string): SearchCriteria => ({ kind: 'body', value })
const not = (of: SearchCriteria): SearchCriteria => ({ kind: 'not', of })

/** Whether others had their turns while these searches ran; what was found. */
async function findBesideOthers(
  message: string,
  missing: readonly SearchCriteria[],
  ...more: SearchCriteria[]
): Promise<number[][]> {
  const source = sourceOf(Buffer.from(message))
  let [longestMs, lastMs, isRunning] = [0, performance.now(), true]
  const others = (async () => {
    while (isRunning) {
      await new Promise(setImmediate)
      const nowMs = performance.now()
      longestMs = Math.max(longestMs, nowMs - lastMs)
      lastMs = nowMs
    }
  })()
  const startMs = performance.now()
  const find = async (...one: SearchCriteria[]) => [
    ...(await searchMailbox(source, { kind: 'and', of: [...missing, ...one] })).uids,
  ]
  const found = await Promise.all([find(), ...more.map((one) => find(one))])
  isRunning = false
  await others
  const allMs = performance.now() - startMs
  assert.ok(longestMs < allMs / 3, `others waited ${longestMs} ms of ${allMs}`)
  return found
}

for (const { what, lines } of [
  { what: 'a large one', lines: 20_000 },
  { what: 'one that is read whole', lines: 3_800 },
])
  test(`a message asked for hundreds of texts lets others in, ${what}`, async () => {
    const text = `${'x'.repeat(62)}\r\n`.repeat(lines)
    const missing = Array.from({ length: Math.round(1_000_000 / lines) }, (_, at) => not(body(`xx${at}`)))
    const message = `Subject: x\r\n\r\n${text}the end\r\n`
    const found = await findBesideOthers(message, missing, body('the end'), body('no end'))
    assert.deepEqual(found, [[10], [10], []])
  })

test('a message with a long header asked for hundreds of fields lets others in', async () => {
  const header = (value: string): SearchCriteria => ({ kind: 'header', name: 'x-a', value })
  const missing = Array.from({ length: 100 }, (_, at) => not(header(`xx${at}`)))
  const message = `${`X-A: ${'x'.repeat(58)}\r\n`.repeat(10_000)}X-A: the end\r\n\r\nthe body\r\n`
  const found = await findBesideOthers(
    message,
    missing,
    header('the end'),
    header('no end'),
    body('the body'),
  )
  assert.deepEqual(found, [[10], [10], [], [10]])
})

test('one field of several megabytes lets others in', async () => {
  const header = (value: string, name = 'x-a'): SearchCriteria => ({ kind: 'header', name, value })
  const words = (last: string): string => `${' =?utf-8?q?w=C3=B6rd_?=\r\n'.repeat(60_000)} ${last}\r\n`
  const message = `X-A:${words('=?utf-8?q?the_=C3=ABnd?=')}Subject:${words('other')}\r\nthe body\r\n`
  const found = await findBesideOthers(
    message,
    [],
    header('wörd wörd the ënd'),
    header('no end'),
    header('wörd  other', 'subject'),
    header('no other', 'subject'),
  )
  assert.deepEqual(found, [[10], [10], [], [10], []])
})
