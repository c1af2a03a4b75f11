import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore, rebuildStore } from '../index.ts'
import { decodeFrameHeader, frameBytes, frameHeaderBytes } from '../segments/frame.ts'
import { append, mailboxOf, makeAccount, readAll, sampleMessage } from '../testkit/samples.ts'

const sizes = [300, 4_000, 1_300_000, 900, 2_500, 700]

/** Flips a bit `from` octets behind the message of each frame. */
const damageBehind = (directory: string, from: (factsBytes: number, tailBytes: number) => number): number => {
  let count = 0
  for (const name of readdirSync(join(directory, 'segments'))) {
    const path = join(directory, 'segments', name)
    const bytes = readFileSync(path)
    const file = openSync(path, 'r+')
    for (let at = 0; ; count++) {
      const header = decodeFrameHeader(bytes.subarray(at))
      if (header === undefined) break
      const end = at + frameHeaderBytes + header.bodyBytes
      const place = end + from(header.factsBytes, header.factsBytes + header.summaryBytes)
      writeSync(file, Buffer.from([(bytes[place] as number) ^ 0x10]), 0, 1, place)
      at += frameBytes(header)
    }
    closeSync(file)
  }
  return count
}

const damages = {
  'of what lists show': (facts: number, tail: number) => facts + ((tail - facts) >> 1),
  'of where it went': (facts: number) => facts >> 1,
}

for (const [what, place] of Object.entries(damages))
  test(`damage behind the octets of messages, ${what}: they are served, and a rebuild makes them whole`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'posthorn-mend-'))
    t.after(() => rmSync(directory, { recursive: true }))
    const store = await openStore({ directory })
    const { id } = await mailboxOf(store, await makeAccount(store))
    for (const [number, size] of sizes.entries()) await append(store, id, sampleMessage(number, size))
    await store.messages.discard(id, Uint32Array.from([4]))
    await store.close()
    assert.equal(damageBehind(directory, place), sizes.length)
    const expected = new Map(
      sizes
        .map((size, number) => [number + 1, sampleMessage(number, size)] as const)
        .filter(([uid]) => uid !== 4),
    )
    const damaged = await openStore({ directory })
    assert.deepEqual(await readAll(damaged, id), expected)
    assert.equal((await damaged.check()).problems.length, expected.size)
    await damaged.close()
    for (let times = 0; times < 2; times++) {
      const { lost, unknown, broughtBack } = await rebuildStore(directory, 5)
      assert.deepEqual([lost, unknown, broughtBack], [[], [], []])
      const rebuilt = await openStore({ directory })
      assert.deepEqual(await readAll(rebuilt, id), expected)
      assert.deepEqual((await rebuilt.check()).problems, [])
      await append(rebuilt, id, sampleMessage(9))
      await rebuilt.messages.discard(id, Uint32Array.from([7 + times]))
      await rebuilt.close()
    }
  })
