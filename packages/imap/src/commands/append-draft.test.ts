import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { MailboxId, MessageWriter, StagedMessage } from '@posthorn/storage'
import { AppendDraft } from './append-draft.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (how?: { type: 'minor' }) => void

const octets = 64 * 1024

/** Holds what was written until it is collected itself. */
function writerOf(chunks: Buffer[]): MessageWriter {
  const staged = { abort: async () => {} } as StagedMessage
  const writer: Pick<MessageWriter, 'write' | 'finish' | 'abort' | 'sizeBytes'> = {
    sizeBytes: 0,
    write: (chunk) => void chunks.push(Buffer.from(chunk)),
    finish: async () => staged,
    abort: async () => {},
  }
  return writer as MessageWriter
}

test('the octets of a message that was placed are gone with the next small collection of garbage', async () => {
  const chunk = Buffer.alloc(octets, 'x')
  collect()
  const before = process.memoryUsage().arrayBuffers
  for (let message = 0; message < 100; message++) {
    const draft = new AppendDraft(writerOf([]), 1 as MailboxId, 0)
    await draft.write(chunk)
    await draft.finish()
    draft.placed()
  }
  // What survives two of them waits for a large one, which stops everybody for some milliseconds.
  collect({ type: 'minor' })
  collect({ type: 'minor' })
  const left = process.memoryUsage().arrayBuffers - before
  assert.ok(left < 10 * octets, `${left} octets are left of ${100 * octets}`)
})
