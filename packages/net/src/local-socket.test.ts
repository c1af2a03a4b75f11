import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { askLocalSocket, localSocketAnswers, serveLocalSocket } from './local-socket.ts'

test('a local socket answers questions, replaces a left-over file and is closed to others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-'))
  const path = join(folder, 'control.sock')
  try {
    await assert.rejects(askLocalSocket(path, {}, 1000), /ENOENT/)
    writeFileSync(path, 'left over')
    assert.equal(await localSocketAnswers(path), false)
    const server = await serveLocalSocket(path, async (question) => {
      if (question === 'bad') throw new Error('cannot')
      return { asked: question }
    })
    assert.equal(statSync(path).mode & 0o077, 0)
    assert.equal(await localSocketAnswers(path), true)
    assert.deepEqual(await askLocalSocket(path, { cmd: 'status' }, 1000), { asked: { cmd: 'status' } })
    assert.deepEqual(await askLocalSocket(path, 'bad', 1000), { error: 'cannot' })
    await server.close()
    assert.equal(await localSocketAnswers(path), false)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('questions without end of one who reads no answers wait with him, and others are answered', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'public.sock')
  let asked = 0
  const server = await serveLocalSocket(path, async () => {
    asked++
    return 'x'.repeat(10_000)
  })
  const greedy = createConnection(path).on('error', () => {})
  t.after(async () => {
    greedy.destroy()
    await server.close()
  })
  greedy.write('1\n'.repeat(3_000))
  const another = () => askLocalSocket(path, {}, 10_000)
  let before = 0
  do {
    before = asked
    for (let i = 0; i < 10; i++) await another()
  } while (asked > before + 10)
  // What fits into the buffers of the system, and no more.
  assert.ok(asked < 1_000, `${asked} answers were made`)
  let heardBytes = 0
  for await (const chunk of greedy) {
    heardBytes += chunk.length
    if (heardBytes === 3_000 * 10_003) break
  }
})

test('who says no more after his questions hears all answers, and then the end', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'public.sock')
  const server = await serveLocalSocket(path, async (question) => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    return question
  })
  t.after(() => server.close())
  const socket = createConnection({ path, allowHalfOpen: true })
  socket.end('1\n2\n3\n')
  let heard = ''
  for await (const piece of socket) heard += piece
  assert.equal(heard, '1\n2\n3\n')
})
