/** Loaded into each process of a server under soak: what V8 holds, once in a while; a heap snapshot when asked for. */
import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { writeHeapSnapshot } from 'node:v8'
import { isMainThread } from 'node:worker_threads'

const folder = process.env['SOAK_PROBE']
const everyMs = 10_000
const isServer = process.argv.some((each) => each === 'start') || process.send !== undefined

if (folder !== undefined && isMainThread && isServer) {
  let snapshots = 0
  const timer = setInterval(() => {
    const { heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage()
    const handles = {}
    for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1
    const line = JSON.stringify({ heapUsed, heapTotal, external, arrayBuffers, handles })
    appendFileSync(join(folder, `${process.pid}.jsonl`), `${line}\n`)
    // `heap-0`, `heap-1` … are made by whoever watches.
    if (!existsSync(join(folder, `heap-${snapshots}`))) return
    writeHeapSnapshot(join(folder, `${process.pid}-${snapshots++}.heapsnapshot`))
  }, everyMs)
  timer.unref()
}
