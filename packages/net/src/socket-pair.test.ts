import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { socketPair } from './socket-pair.ts'

test('what goes in at one end comes out at the other; no socket is left, one that was left over is no hindrance', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-pair-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'pair.sock')
  writeFileSync(path, 'left over')
  const [near, far] = await socketPair(path)
  t.after(() => [near, far].forEach((end) => void end.destroy()))
  assert.equal(existsSync(path), false)
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    to.resume()
    from.write('hello')
    const [heard] = (await once(to, 'data')) as [Buffer]
    assert.equal(heard.toString(), 'hello')
  }
})

test('where no socket can be made it says so', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-pair-'))
  t.after(() => rmSync(folder, { recursive: true }))
  await assert.rejects(socketPair(join(folder, 'missing', 'pair.sock')), { code: 'EACCES' })
})
