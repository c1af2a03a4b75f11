import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TextResult } from './text-thread.ts'
import { TextWorker } from './text-worker.ts'

/** A process of its own, whose cache is empty. It writes what it has itself compiled at its end only. */
const program = `
import { readdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { TextWorker } from ${JSON.stringify(new URL('./text-worker.ts', import.meta.url).href)}
const root = process.argv[1]
const cache = join(root, 'cache')
enableCompileCache(cache)
const worker = new TextWorker({ directory: root, segmentDirectory: root, listing: undefined })
worker.hold()
const result = await worker.run({ kind: 'remove', account: 1 })
await worker.stop()
const kept = readdirSync(cache, { recursive: true, withFileTypes: true })
console.log(JSON.stringify({ result, files: kept.filter((one) => one.isFile()).length }))
`

test('the thread keeps its compiled code where the process does', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-text-worker-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const args = ['--input-type=module', '--eval', program, root]
  const said = execFileSync(process.execPath, args, { env: {}, encoding: 'utf8' })
  const { result, files } = JSON.parse(said) as { readonly result: TextResult; readonly files: number }
  assert.ok('cpuMs' in result, said)
  assert.ok(files > 4, said)
})

/** Of each thread of this process. */
const nicenesses = (): number[] =>
  readdirSync('/proc/self/task').map((id) => {
    const stat = readFileSync(`/proc/self/task/${id}/stat`, 'latin1')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])
  })

test('the thread yields, but no further than that locks which others want are soon free again', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-text-worker-'))
  const worker = new TextWorker({ directory: root, segmentDirectory: root, listing: undefined })
  t.after(async () => {
    await worker.stop()
    rmSync(root, { recursive: true, force: true })
  })
  const own = Math.max(...nicenesses())
  worker.hold()
  assert.ok('cpuMs' in (await worker.run({ kind: 'remove', account: 1 })))
  const added = Math.max(...nicenesses()) - own
  assert.ok(own > 0 || (added > 0 && added <= 5), `niceness ${own} + ${added}`)
})
