import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeSummary, scanMessage, summaryVersion } from '@posthorn/mail'
import type { MailboxId, SearchCriteria, Store } from '../contract.ts'
import { openStore, rebuildStore } from '../index.ts'
import {
  checksum,
  decodeFrameHeader,
  encodeFrameHeader,
  frameBytes,
  frameHeaderBytes,
} from '../segments/frame.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'

const longSubject = Buffer.concat([
  Buffer.from(`Subject: ${'word '.repeat(600)}\r\n`),
  sampleMessage(2).subarray(0, 900),
])
/** In the row of the index, in the frame alone, of a message in a segment of its own, and without octets. */
const messages = [sampleMessage(1), longSubject, sampleMessage(3, 1_300_000), Buffer.alloc(0)]
const uids = Uint32Array.from(messages, (_, at) => at + 1)

/** Every frame as another version of the program would have left it. */
const writeOtherVersion = (directory: string): number => {
  let count = 0
  for (const name of readdirSync(join(directory, 'segments'))) {
    const path = join(directory, 'segments', name)
    const bytes = readFileSync(path)
    for (let at = 0; ; count++) {
      const header = decodeFrameHeader(bytes.subarray(at))
      if (header === undefined) break
      const tail = bytes.subarray(at + frameHeaderBytes + header.bodyBytes, at + frameBytes(header))
      const summary = tail.subarray(header.factsBytes)
      assert.equal(summary[0], summaryVersion)
      // What follows means nothing to this version.
      summary.fill(0xff)
      summary[0] = summaryVersion + 1
      encodeFrameHeader({ ...header, tailCrc: checksum([tail]) }).copy(bytes, at)
      at += frameBytes(header)
    }
    writeFileSync(path, bytes)
  }
  return count
}

const summariesOf = async (store: Store, mailbox: MailboxId): Promise<unknown[]> => {
  const found: unknown[] = []
  for await (const batch of store.messages.fetch(mailbox, uids, { summary: true }))
    for (const summary of batch.summaries ?? []) found.push(decodeSummary(summary))
  return found
}

test('summaries of another version are made from the messages again', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-summaries-'))
  const former = await openStore({ directory })
  const { id } = await mailboxOf(former, await makeAccount(former))
  for (const message of messages) await append(former, id, message)
  await former.close()
  assert.equal(writeOtherVersion(directory), messages.length)
  await rebuildStore(directory, 5)

  const store = await openStore({ directory })
  t.after(async () => {
    await store.close()
    rmSync(directory, { recursive: true })
  })
  const expected = messages.map(scanMessage)
  assert.deepEqual(await summariesOf(store, id), expected)
  assert.equal(store.messages.fetchNow(id, uids.subarray(0, 1), { summary: true }), undefined)
  const line: SearchCriteria = { kind: 'text', value: 'line of message 3' }
  const search = async (): Promise<readonly number[]> => [...(await store.messages.search(id, line)).uids]
  assert.deepEqual(await search(), [3])
  await store.makeTexts()
  const { texts, problems } = await store.check()
  assert.deepEqual([texts?.messages, texts?.damaged, problems], [messages.length, 0, []])
  assert.deepEqual(await search(), [3])
})
