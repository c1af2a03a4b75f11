import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageBatch } from '@posthorn/storage'
import type { FetchItem, PlainItem } from '../wire/fetch-items.ts'
import { FlagTexts } from '../wire/flags.ts'
import { ColumnRows } from './column-rows.ts'

const item = (kind: PlainItem['kind']): FetchItem => ({ kind })
const flagTexts = new FlagTexts(['$label1', 'x'.repeat(90)])

function batchOf(uids: readonly number[]): MessageBatch {
  const column = (of: (uid: number) => number): number[] => uids.map(of)
  return {
    uids: Uint32Array.from(uids),
    flags0: Uint32Array.from(column((uid) => (uid % 97) & 0x7f)),
    flags1: new Uint32Array(uids.length),
    modSeqs: Float64Array.from(column((uid) => uid * 999_983)),
    facts: {
      messageIds: new Float64Array(uids.length),
      sizeBytes: Float64Array.from(column((uid) => 10 ** (uid % 10) - (uid % 2))),
      internalDatesMs: new Float64Array(uids.length),
      saveDatesMs: new Float64Array(uids.length),
    },
  }
}

const forms: Record<string, (batch: MessageBatch, row: number) => string> = {
  uid: ({ uids }, row) => `UID ${uids[row]}`,
  flags: ({ flags0, flags1 }, row) => `FLAGS ${flagTexts.list(flags0[row]!, flags1[row]!, 'seen-before')}`,
  modseq: ({ modSeqs }, row) => `MODSEQ (${modSeqs[row]})`,
  size: ({ facts }, row) => `RFC822.SIZE ${facts!.sizeBytes[row]}`,
}

/** All of it, in memory of so many octets at a time. */
function written(rows: ColumnRows, batch: MessageBatch, roomBytes: number): string {
  const out = Buffer.alloc(roomBytes + 50, 0x2e)
  let text = ''
  for (let row = 0; row < batch.uids.length; ) {
    const next = rows.write(batch, row, out, 7, 7 + roomBytes)
    assert.ok(next > row, 'goes on')
    text += out.toString('latin1', 7, rows.end)
    row = next
  }
  assert.equal(out.toString('latin1', 7 + roomBytes), '.'.repeat(43), 'nothing behind the limit')
  return text
}

test('rows of numbers and flags, in any order, as far as the client knows the messages', () => {
  const mailbox = Array.from({ length: 400 }, (_, at) => (at < 200 ? at + 1 : at * 7_919))
  mailbox.push(0x7fff_ffff, 0x8000_0000, 0xffff_fffe)
  const asked = mailbox.filter((uid, at) => at % 11 !== 3 && uid !== 5)
  const batch = batchOf([...asked, 6_000, 0xffff_ffff].sort((a, b) => a - b))
  const orders = [
    ['uid', 'flags'],
    ['flags'],
    ['flags', 'uid'],
    ['uid'],
    ['modseq', 'flags', 'size', 'uid'],
  ] as const
  for (const kinds of orders) {
    const expected = [...batch.uids.keys()]
      .map((row) => ({ row, sequence: mailbox.indexOf(batch.uids[row]!) + 1 }))
      .filter(({ sequence }) => sequence > 0)
      .map(({ row, sequence }) => {
        return `* ${sequence} FETCH (${kinds.map((kind) => forms[kind]!(batch, row)).join(' ')})\r\n`
      })
      .join('')
    for (const roomBytes of [320, 1_000, 100_000]) {
      const rows = ColumnRows.for(kinds.map(item), { uids: Uint32Array.from(mailbox), flagTexts })!
      assert.equal(written(rows, batch, roomBytes), expected, `${kinds} ${roomBytes}`)
    }
  }
})

test('other items are written otherwise', () => {
  const of = { uids: new Uint32Array(0), flagTexts }
  for (const kind of ['internal-date', 'save-date', 'email-id', 'envelope'] as const)
    assert.equal(ColumnRows.for([item('uid'), item(kind)], of), undefined)
})
