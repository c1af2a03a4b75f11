import assert from 'node:assert/strict'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore, rebuildStore } from '../index.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'

const overwriteMiddle = (path: string): void => {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(40, 0x5a), 0, 40, statSync(path).size >> 1)
  closeSync(file)
}

const damages: Readonly<Record<string, (path: string) => void>> = {
  'is overwritten': overwriteMiddle,
  'is empty': (path) => truncateSync(path, 0),
  'is gone': (path) => rmSync(path),
}

for (const kind of ['jnl', 'ckp'] as const)
  for (const [what, damage] of Object.entries(damages))
    test(`a ${kind === 'jnl' ? 'journal' : 'checkpoint'} that ${what}: check says so and writes it anew, and a rebuild loses nothing`, async (t) => {
      const directory = mkdtempSync(join(tmpdir(), 'posthorn-check-journal-'))
      t.after(() => rmSync(directory, { recursive: true }))
      const journals = join(directory, 'journal')
      const store = await openStore({ directory })
      const account = await makeAccount(store)
      const { id } = await mailboxOf(store, account)
      for (let number = 1; number <= 30; number++) {
        await append(store, id, sampleMessage(number))
        await store.flushJournal()
      }
      await store.messages.discard(id, Uint32Array.from([1, 2, 3]))
      assert.deepEqual((await store.check()).notes, [])
      await store.close()
      if (kind === 'ckp') {
        // Without any journal an opening writes a checkpoint.
        const copy = await rebuildStore(directory, 5)
        assert.deepEqual(copy.lost, [])
      }
      const names = readdirSync(journals).filter((name) => name.endsWith(kind))
      assert.ok(names.length > 0)
      for (const name of names) damage(join(journals, name))
      const again = await openStore({ directory })
      const first = await again.check()
      assert.deepEqual(first.problems, [])
      // Without any journal the opening has written a checkpoint already.
      if (what !== 'is gone')
        assert.match(first.notes?.join('\n') ?? '', /journal.*; all of it was written anew/)
      assert.deepEqual((await again.check()).notes, [])
      await again.close()
      const { lost, unknown, broughtBack } = await rebuildStore(directory, 6)
      assert.deepEqual([lost, unknown, broughtBack], [[], [], []])
      const rebuilt = await openStore({ directory })
      assert.deepEqual(
        [...(await readAll(rebuilt, id)).keys()],
        Array.from({ length: 27 }, (_, n) => n + 4),
      )
      await rebuilt.close()
    })
