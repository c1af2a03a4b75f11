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

for (const { what, lines } of [
  { what: 'a large one', lines: 20_000 },
  { what: 'one that is read whole', lines: 3_800 },
])
  test(`a message asked for hundreds of texts lets others in, ${what}`, async () => {
    const text = `${'x'.repeat(62)}\r\n`.repeat(lines)
    const source = sourceOf(Buffer.from(`Subject: x\r\n\r\n${text}the end\r\n`))
    const missing = Array.from({ length: Math.round(1_000_000 / lines) }, (_, at) => not(body(`xx${at}`)))
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
    const find = async (...more: SearchCriteria[]) => [
      ...(await searchMailbox(source, { kind: 'and', of: [...missing, ...more] })).uids,
    ]
    const found = await Promise.all([find(), find(body('the end')), find(body('no end'))])
    isRunning = false
    await others
    assert.deepEqual(found, [[10], [10], []])
    const allMs = performance.now() - startMs
    assert.ok(longestMs < allMs / 3, `others waited ${longestMs} ms of ${allMs}`)
  })
