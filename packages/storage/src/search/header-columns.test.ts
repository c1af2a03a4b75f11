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
  const columns = new HeaderColumns(10_000)
  for (const name of ['from', 'subject', 'to']) {
    const column = columns.of(1, name)
    for (let uid = 1; uid <= 50; uid++) column.set(uid, 'x'.repeat(20))
    column.set(99, 'x'.repeat(5_000))
    assert.equal(column.get(99), undefined)
  }
  columns.of(1, 'from')
  columns.trim()
  assert.ok(columns.sizeBytes <= 10_000)
  assert.equal(columns.of(1, 'from').get(1), 'x'.repeat(20))
  assert.equal(columns.of(1, 'subject').get(1), undefined)
})
