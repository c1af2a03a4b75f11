import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { askSaslauthd } from './saslauthd.ts'

test('saslauthd: four counted strings, and an answer however it is cut', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-mux-'))
  const path = join(folder, 'mux')
  let answer = (socket: Socket): void => void socket.end()
  let question = Buffer.alloc(0)
  const server = createServer((socket) => {
    question = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      question = Buffer.concat([question, chunk])
      answer(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.after(() => {
    server.close()
    rmSync(folder, { recursive: true })
  })
  const ask = (password = 'secret', timeoutMs = 20_000) =>
    askSaslauthd({
      path,
      login: 'alice',
      password: Buffer.from(password),
      service: 'smtp',
      realm: '',
      timeoutMs,
    })

  answer = (socket) => {
    socket.write(Buffer.from([0]))
    setImmediate(() => socket.write(Buffer.from('\x02O')))
    setTimeout(() => socket.write('K'), 5)
  }
  assert.deepEqual(await ask(), { kind: 'right' })
  assert.equal(question.toString('latin1'), '\0\x05alice\0\x06secret\0\x04smtp\0\0')
  answer = (socket) => void socket.end('\0\x0dNO incorrect!')
  assert.deepEqual(await ask(), { kind: 'wrong' })
  assert.deepEqual(await ask('x'.repeat(257)), { kind: 'wrong' })
  assert.deepEqual(await ask('a\0b'), { kind: 'wrong' })
  answer = (socket) => void socket.end('\0\x05HELLO')
  assert.deepEqual(await ask(), { kind: 'error', reason: 'answer is neither OK nor NO' })
  answer = (socket) => void socket.end('\0')
  assert.deepEqual(await ask(), { kind: 'error', reason: 'closed without an answer' })
  answer = () => undefined
  assert.deepEqual(await ask('secret', 30), { kind: 'error', reason: 'no answer in 30 ms' })
  const nobody = await askSaslauthd({
    path: join(folder, 'nothing'),
    login: 'a',
    password: Buffer.from('b'),
    service: 'smtp',
    realm: '',
    timeoutMs: 20_000,
  })
  assert.match(nobody.kind === 'error' ? nobody.reason : '', /ENOENT/)
})
