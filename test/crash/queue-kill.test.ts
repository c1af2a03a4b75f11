import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { scriptedPeer } from '../../packages/smtp/src/client/scripted-peer-fixture.ts'
import { worked } from './send-until-killed.ts'

const worker = fileURLToPath(new URL('queue-worker.ts', import.meta.url))
const rounds = Number(process.env['CRASH_ROUNDS'] ?? 12)
const perRound = 40

test('kill -9 between accept, attempt and settle: nothing accepted is lost, duplicates only of what was under way', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-kill-'))
  const peer = await scriptedPeer({
    'RCPT TO:<r7@far.test>': ['450 4.2.0 later', '250 Ok'],
    '.': ['250 Ok', 'DROP', '250 Ok'],
  })
  const children: ChildProcess[] = []
  t.after(() => {
    for (const child of children) child.kill('SIGKILL')
    peer.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const accepted = new Set<number>()
  let seed = 12_345
  const random = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed / 2 ** 31
  }
  const start = (
    from: number,
    to: number,
  ): { child: ChildProcess; first: Promise<void>; empty: Promise<unknown>; errors: () => string } => {
    const child = spawn(process.execPath, [worker, directory, String(peer.port), String(from), String(to)])
    children.push(child)
    let pending = ''
    let errors = ''
    child.stderr?.on('data', (chunk) => {
      errors += chunk
    })
    let begun = (): void => {}
    const first = new Promise<void>((resolve) => {
      begun = resolve
      child.once('exit', () => resolve())
    })
    const empty = new Promise<void>((resolve) => {
      child.stdout?.on('data', (chunk) => {
        const lines = (pending + chunk).split('\n')
        pending = lines.pop() ?? ''
        for (const line of lines) {
          if (line === 'empty') resolve()
          else accepted.add(Number(line))
          begun()
        }
      })
    })
    return { child, first, empty, errors: () => errors }
  }
  for (let round = 0; round < rounds; round++) {
    const { child, first, errors } = start(round * perRound, (round + 1) * perRound)
    const exited = once(child, 'exit')
    await first
    await worked(() => accepted.size, 2, random() * 400)
    child.kill('SIGKILL')
    const [, signal] = await exited
    assert.equal(signal, 'SIGKILL', errors())
  }
  const last = start(0, 0)
  const died = once(last.child, 'exit').then(() => assert.fail(last.errors()))
  await Promise.race([last.empty, died])
  died.catch(() => undefined)

  const counts = new Map<number, number>()
  for (const [, number] of peer.received.join('').matchAll(/X-Number: (\d+)\r\n/g)) {
    counts.set(Number(number), (counts.get(Number(number)) ?? 0) + 1)
  }
  assert.ok(accepted.size > rounds, `too few accepted: ${accepted.size}`)
  for (const number of accepted) assert.ok(counts.has(number), `message ${number} was accepted and is lost`)
  const twice = [...counts.values()].filter((count) => count > 1).length
  t.diagnostic(`${accepted.size} accepted, ${counts.size} delivered, ${twice} more than once`)
  // At most what one destination had under way at each death, and the one the peer dropped.
  assert.ok(twice <= rounds * 20 + 1)
})
