import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closeHandedConnections } from './handed-connections.ts'

/** A primary whose worker listens, and then does nothing but wait: what it is handed it never takes. */
const source = `
import cluster from 'node:cluster'
import { writeSync } from 'node:fs'
import { createServer } from 'node:net'
import { closeHandedConnections } from ${JSON.stringify(new URL('./handed-connections.ts', import.meta.url).href)}
if (cluster.isPrimary) {
  const worker = cluster.fork()
  closeHandedConnections(worker)
  const { send } = worker.process
  worker.process.send = (message, ...rest) => {
    if (message.act === 'newconn') setTimeout(() => worker.process.kill('SIGKILL'), 50)
    return send.call(worker.process, message, ...rest)
  }
  worker.on('exit', () => console.log('gone'))
  process.stdin.resume().on('end', () => process.exit())
} else {
  const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1', () => {
    setTimeout(() => {
      writeSync(1, 'port ' + server.address().port + ' \\n')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
    }, 50)
  })
}
`

test('a connection on its way to a worker that is killed is closed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-handed-'))
  const script = join(folder, 'primary.mjs')
  writeFileSync(script, source)
  const primary = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => {
    primary.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  const port = await new Promise<number>((resolve, reject) => {
    let said = ''
    primary.stdout.on('data', (chunk) => {
      said += chunk
      const found = /port (\d+) \n/.exec(said)?.[1]
      if (found !== undefined) resolve(Number(found))
    })
    primary.once('close', () => reject(new Error(`it ended: ${said}`)))
  })
  const client = createConnection(port, '127.0.0.1')
  let heard = ''
  client.on('data', (chunk) => {
    heard += chunk
  })
  client.on('error', () => {})
  const closed = new Promise<true>((resolve) => client.once('close', () => resolve(true)))
  const late = new Promise<false>((resolve) => setTimeout(() => resolve(false), 20_000).unref())
  const isClosed = await Promise.race([closed, late])
  client.destroy()
  primary.stdin.end()
  assert.ok(isClosed, 'the client is left waiting')
  assert.equal(heard, '')
})

test('connections for a worker that has ended are closed, also while its channel seems open', () => {
  const sent: unknown[] = []
  const child = Object.assign(new EventEmitter(), { send: (message: unknown) => sent.push(message) > 0 })
  closeHandedConnections({ process: child as unknown as ChildProcess })
  const hand = (seq: number) => {
    const handle = { closed: false, close: () => void (handle.closed = true) }
    ;(child.send as (...args: unknown[]) => boolean)({ cmd: 'NODE_CLUSTER', act: 'newconn', seq }, handle)
    return handle
  }
  const [taken, waiting] = [hand(1), hand(2)]
  child.emit('internalMessage', { ack: 1, accepted: true })
  child.emit('exit')
  const late = hand(3)
  assert.deepEqual([taken.closed, waiting.closed, late.closed], [false, true, true])
  assert.equal(sent.length, 2, 'nobody would read it')
})
