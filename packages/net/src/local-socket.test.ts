import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
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
