import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore, StoreError } from './index.ts'
import {
  acceptance,
  append,
  mailboxOf,
  makeAccount,
  readAll,
  sampleMessage,
  stage,
  toMailbox,
} from './testkit/samples.ts'

/** A small ext4 in a file: on a full tmpfs even reading a file through memory may end the process. */
const mountSmall = (directory: string): boolean => {
  const image = `${directory}.ext4`
  const run = (program: string, ...args: string[]): void => {
    execFileSync(program, args, { stdio: 'ignore' })
  }
  try {
    run('truncate', '-s', '32M', image)
    run('mkfs.ext4', '-q', '-F', '-m', '0', '-O', '^has_journal', image)
    run('mount', '-o', 'loop', image, directory)
    return true
  } catch {
    return false
  } finally {
    // The mount keeps it.
    rmSync(image, { force: true })
  }
}

test('disk full: refused, nothing half-written, deleting works, and it recovers', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-full-'))
  if (!mountSmall(directory)) {
    rmSync(directory, { recursive: true })
    return t.skip('mount is not permitted here')
  }
  try {
    const store = await openStore({ directory: join(directory, 'store') })
    const account = await makeAccount(store)
    const inbox = await mailboxOf(store, account)
    const expected = new Map<number, Buffer>()
    let refused: unknown
    for (let number = 1; refused === undefined && number < 4_000; number++) {
      const bytes = sampleMessage(number, number % 10 === 0 ? 300_000 : 20_000)
      try {
        expected.set((await append(store, inbox.id, bytes)).uid, bytes)
      } catch (error) {
        refused = error
      }
    }
    assert.ok(refused instanceof StoreError && refused.kind === 'no-space', String(refused))
    await assert.rejects(
      async () => {
        for (let number = 0; number < 200; number++) {
          const message = await stage(store, sampleMessage(number, 60_000))
          await store.queue.accept(acceptance(store, message, [toMailbox(account, 'Sent')]))
        }
      },
      { kind: 'no-space' },
    )
    const present = await readAll(store, inbox.id)
    assert.deepEqual([...present.keys()], [...expected.keys()])
    for (const [uid, bytes] of expected) assert.ok(present.get(uid)?.equals(bytes))
    assert.deepEqual((await store.check()).problems, [])

    const { uids } = await store.messages.view(inbox.id)
    const removed = await store.messages.discard(inbox.id, uids)
    assert.equal(removed.uids.length, uids.length)
    await store.close()

    const again = await openStore({ directory: join(directory, 'store') })
    await again.compact()
    const { bavail, bsize } = statfsSync(directory)
    assert.ok(bavail * bsize > 8 * 1024 * 1024, 'compaction gives the space back')
    await append(again, inbox.id, sampleMessage(1))
    assert.deepEqual((await again.check()).problems, [])
    await again.close()
  } finally {
    // Lazily: a failed test leaves the store open.
    execFileSync('umount', ['-l', directory])
    rmSync(directory, { recursive: true, force: true })
  }
})
