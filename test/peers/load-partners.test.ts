/** Postfix's smtp-source on one side and its smtp-sink on the other, with many sessions at once. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createConnection } from 'node:net'
import { test } from 'node:test'
import { startMailServer } from '@posthorn/server'
import { eventually } from '../clients/mail-server.ts'
import { mustRun } from '../clients/run-client.ts'
import { freePort } from '../free-port.ts'

const sbin = '/usr/sbin'
const messages = 200

async function startSink(port: number): Promise<ChildProcess> {
  const child = spawn(`${sbin}/smtp-sink`, ['-u', 'nobody', `127.0.0.1:${port}`, '200'], { stdio: 'ignore' })
  await eventually('smtp-sink', async () => {
    if (child.exitCode !== null) throw new Error(`smtp-sink ended with ${child.exitCode}`)
    return await new Promise<true | undefined>((resolve) => {
      const socket = createConnection(port, '127.0.0.1')
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(undefined))
    })
  })
  return child
}

test('smtp-source with 10 sessions, through the queue, to smtp-sink: each message leaves once', {
  skip: (!existsSync(`${sbin}/smtp-sink`) || process.getuid?.() !== 0) && 'no smtp-sink, or not root',
}, async (t) => {
  const sinkPort = await freePort()
  const sink = await startSink(sinkPort)
  t.after(() => sink.kill('SIGKILL'))
  const sent: string[] = []
  const removed = new Set<string>()
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      mynetworks: '127.0.0.0/8',
      relayhost: `[127.0.0.1]:${sinkPort}`,
      alias_maps: '',
    },
    log: ({ text, queueId = '' }) => {
      if (text.includes('status=sent')) sent.push(queueId)
      if (text === 'removed') removed.add(queueId)
    },
  })
  t.after(async () => await server.stop())
  const source = [
    '-s',
    '10',
    '-m',
    String(messages),
    '-l',
    '6000',
    '-N',
    '-f',
    'a@example.net',
    '-t',
    'x@example.com',
  ]
  await mustRun(`${sbin}/smtp-source`, [...source, `127.0.0.1:${server.ports.smtp}`])
  await eventually('an empty queue', async () => (removed.size === messages ? true : undefined))
  assert.equal(sent.length, messages)
  assert.equal(new Set(sent).size, messages, 'none twice')
  assert.equal(await server.store.queue.count(), 0)
})
