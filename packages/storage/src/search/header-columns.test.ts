import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeSummary, headerEnd, scanMessage } from '@posthorn/mail'
import type { FetchWant, MessageBatch, SearchCriteria } from '../contract.ts'
import { HeaderColumns } from './header-columns.ts'
import { searchMailbox } from './search-mailbox.ts'
import type { SearchSource } from './search-source.ts'

const messages = [
  'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Odd: a\r\n\r\nx',
  'To: a@b\r\n\r\nx',
  'Subject: one\r\nSubject: two\r\n\r\nx',
].map((text) => Buffer.from(text))

function sourceOf(columns: HeaderColumns, wanted: string[]): SearchSource {
  const count = (uids: Uint32Array): Uint32Array => new Uint32Array(uids.length)
  return {
    uids: Uint32Array.of(1, 2, 3),
    keywords: [],
    columnOf: (name) => (name === 'subject' ? columns.of(7, name) : undefined),
    async *fetch(uids: Uint32Array, want: FetchWant): AsyncGenerator<MessageBatch> {
      wanted.push(`${want.bytes ?? (want.summary ? 'summary' : 'columns')} ${uids.length}`)
      const bodies = Array.from(uids, (uid) => messages[uid - 1] as Buffer)
      const zeros = new Float64Array(uids.length)
      yield {
        uids,
        flags0: count(uids),
        flags1: count(uids),
        modSeqs: zeros,
        facts: { messageIds: zeros, sizeBytes: zeros, internalDatesMs: zeros, saveDatesMs: zeros },
        prefixes: bodies.map(() => Buffer.alloc(0)),
        summaries: bodies.map((body) => encodeSummary(scanMessage(body))),
        bytes: bodies.map((body) => body.subarray(0, headerEnd(body))),
      }
    },
  }
}

const subject = (value: string): SearchCriteria => ({ kind: 'header', name: 'subject', value })

test('RFC 9051 §6.4.4: fields searched once are searched again without a read, with the same answers', async () => {
  const columns = new HeaderColumns()
  for (const expected of [['columns 3', 'summary 3'], ['columns 3']]) {
    const wanted: string[] = []
    const source = sourceOf(columns, wanted)
    assert.deepEqual([...(await searchMailbox(source, subject('GRÜSSE'))).uids], [1])
    assert.deepEqual(wanted, expected)
    const found = async (criteria: SearchCriteria) => [...(await searchMailbox(source, criteria)).uids]
    assert.deepEqual(await found(subject('')), [1, 3])
    assert.deepEqual(await found(subject('two')), [3])
    assert.deepEqual(await found({ kind: 'not', of: subject('o') }), [1, 2])
    assert.deepEqual(await found(subject('one\ntwo')), [])
    assert.deepEqual(await found(subject('x')), [])
  }
})

test('columns are bounded; those used longest ago make room; very long values are not kept', () => {
  const columns = new HeaderColumns(8_000)
  const value = Buffer.from('x'.repeat(20))
  for (const name of ['from', 'subject', 'to']) {
    const column = columns.of(1, name)
    for (let uid = 1; uid <= 50; uid++) column.set(uid, 'x'.repeat(20))
    column.set(99, 'x'.repeat(5_000))
    assert.equal(column.includes(99, value), undefined)
  }
  columns.of(1, 'from')
  columns.trim()
  assert.ok(columns.sizeBytes <= 8_000)
  assert.equal(columns.of(1, 'from').includes(1, value), true)
  assert.equal(columns.of(1, 'subject').includes(1, value), undefined)
})

test('a column knows each value in whatever order it came, and 200,000 of them fit', () => {
  const columns = new HeaderColumns()
  const column = columns.of(1, 'from')
  const uids = Array.from({ length: 200_000 }, (_, n) => ((n * 7_919) % 200_000) * 3 + 5)
  for (const uid of uids) column.set(uid, uid % 5 === 0 ? null : `PERSON ${uid} É <P${uid}@EXAMPLE.ORG>`)
  column.set(6, 'HALF OF IT \ud83d')
  for (let uid = 5; uid < 200_000; uid += 3 * 37) {
    const isThere = uid % 5 !== 0
    assert.equal(column.includes(uid, Buffer.from(`${uid} É`)), isThere)
    assert.equal(column.includes(uid, Buffer.from(`<P${uid + 3}@`)), false, 'never the neighbour')
    assert.equal(column.includes(uid, Buffer.alloc(0)), isThere)
    assert.equal(column.includes(uid + 1, Buffer.alloc(0)), undefined)
  }
  column.set(8, 'OTHER')
  assert.equal(column.includes(8, Buffer.from('OTHER')), false, 'the first value stays')
  columns.trim()
  assert.equal(columns.of(1, 'from'), column)
})

test('a message whose field is not known costs about what another does, whatever its UID', () => {
  const count = 20_000
  const column = new HeaderColumns().of(1, 'subject')
  for (let uid = 1; uid <= count; uid++) column.set(uid, null)
  const needle = Buffer.from('x')
  const quickestMs = (from: number, expected: boolean | undefined): number => {
    const runs = Array.from({ length: 5 }, () => {
      const beganMs = performance.now()
      for (let uid = from; uid < from + count; uid++) assert.ok(column.includes(uid, needle) === expected)
      return performance.now() - beganMs
    })
    return Math.min(...runs)
  }
  const knownMs = quickestMs(1, false)
  for (const from of [count + 1, 2 ** 15, 2 ** 16, 2 ** 17, 2 ** 31])
    assert.ok(quickestMs(from, undefined) < Math.max(knownMs, 0.5) * 20, `UIDs from ${from}`)
})
