/** Loaded into each process of a server under soak: what V8 holds, once in a while; a heap snapshot when asked for. */
import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString, writeHeapSnapshot } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

const folder = process.env['SOAK_PROBE']
const everyMs = 10_000
/** Of so many looks one is taken after a collection: what is left then is no garbage. */
const looksBetweenCollections = 6
const isServer = process.argv.some((each) => each === 'start') || process.send !== undefined

if (folder !== undefined && isMainThread && isServer) {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  let snapshots = 0
  let looks = 0
  let alive = 0
  const timer = setInterval(() => {
    if (looks++ % looksBetweenCollections === 0) {
      collect()
      alive = process.memoryUsage().heapUsed
    }
    const { heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage()
    const handles = {}
    for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1
    const line = JSON.stringify({ heapUsed, alive, heapTotal, external, arrayBuffers, handles })
    appendFileSync(join(folder, `${process.pid}.jsonl`), `${line}\n`)
    // `heap-0`, `heap-1` … are made by whoever watches.
    if (!existsSync(join(folder, `heap-${snapshots}`))) return
    writeHeapSnapshot(join(folder, `${process.pid}-${snapshots++}.heapsnapshot`))
  }, everyMs)
  timer.unref()
}
