import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { socketPair } from '@posthorn/net'
import type { Wake } from '@posthorn/storage'
import { WakeLinks } from './wake-links.ts'

const changed = (mailbox: number, modSeq: number): Wake => ({
  kind: 'mailbox',
  mailbox: mailbox as never,
  account: 1 as never,
  modSeq: modSeq as never,
})

async function pair(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-links-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const ends = await socketPair(join(folder, 'pair.sock'))
  t.after(() => ends.forEach((end) => void end.destroy()))
  return ends
}

async function until(what: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!what()) {
    assert.ok(performance.now() < endMs, 'it never happens')
    await delay(2)
  }
}

test('wake-ups reach the other workers, in order, and not the one that says them', async (t) => {
  const [near, far] = await pair(t)
  const [one, two] = [new WakeLinks(), new WakeLinks()]
  one.add(near)
  two.add(far)
  const heard: [string, Wake][] = []
  one.subscribe((wake) => heard.push(['one', wake]))
  const leave = two.subscribe((wake) => heard.push(['two', wake]))
  one.publish(changed(1, 1))
  one.publish({ kind: 'queue', flushed: 'é.example' })
  await until(() => heard.length === 2)
  two.publish(changed(2, 7))
  await until(() => heard.length === 3)
  leave()
  one.publish(changed(1, 2))
  two.publish(changed(2, 8))
  await until(() => heard.length === 4)
  assert.deepEqual(heard, [
    ['two', changed(1, 1)],
    ['two', { kind: 'queue', flushed: 'é.example' }],
    ['one', changed(2, 7)],
    ['one', changed(2, 8)],
  ])
})

test('for one that does not read the newest of each mailbox is kept; one that has ended is forgotten', async (t) => {
  const [near, far] = await pair(t)
  const links = new WakeLinks()
  links.add(near)
  for (let modSeq = 1; modSeq <= 40_000; modSeq++) {
    links.publish(changed(modSeq % 2, modSeq))
    if (modSeq % 10 === 0) await Promise.resolve()
  }
  assert.ok(near.writableLength < 100_000, `${near.writableLength} octets wait`)
  const other = new WakeLinks()
  const newest = new Map<number, number>()
  let count = 0
  other.subscribe((wake) => {
    count++
    if (wake.kind === 'mailbox') newest.set(wake.mailbox, wake.modSeq)
  })
  other.add(far)
  far.resume()
  await until(() => newest.get(0) === 40_000 && newest.get(1) === 39_999)
  assert.ok(count < 20_000, `${count} of 40,000 were sent`)
  far.destroy()
  await until(() => near.closed)
  links.publish(changed(1, 1))
  await Promise.resolve()
  assert.equal(near.writableLength, 0)
})
