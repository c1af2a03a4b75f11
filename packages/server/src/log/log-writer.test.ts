import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLogWriter } from './log-writer.ts'

const names = {
  syslogName: 'postfix',
  hostname: 'mail',
  pid: 42,
  leastLevel: 'info' as const,
  now: () => Date.UTC(2026, 10, 21),
}

async function written(file: string): Promise<string> {
  for (let n = 0; n < 200; n++) {
    try {
      const text = readFileSync(file, 'utf8')
      if (text !== '') return text
    } catch {
      // not there yet
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`nothing was written to ${file}`)
}

test('lines reach the file, also after rotation; debug lines only when asked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-'))
  try {
    const file = join(folder, 'log', 'maillog')
    const writer = createLogWriter({ ...names, file, format: 'maillog', mode: 0o644 })
    assert.equal(statSync(file).mode & 0o777, 0o644)
    writer.log({ level: 'info', service: 'qmgr', text: 'one' })
    writer.log({ level: 'debug', service: 'qmgr', text: 'not asked for' })
    assert.match(await written(file), /^\S+ +\d+ [\d:]+ mail postfix\/qmgr\[42\]: one\n$/)
    renameSync(file, `${file}.1`)
    writer.reopen()
    assert.equal(statSync(file).mode & 0o777, 0o644)
    chmodSync(file, 0o600)
    writer.reopen()
    assert.equal(statSync(file).mode & 0o777, 0o600)
    writer.log({ level: 'info', service: 'qmgr', text: 'two' })
    assert.match(await written(file), /: two\n$/)
    writer.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('L4: a file that was removed, or renamed without a word, is made again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-'))
  const file = join(folder, 'maillog')
  const writer = createLogWriter({ ...names, file, format: 'maillog' })
  try {
    for (const away of [() => rmSync(file), () => renameSync(file, `${file}.1`)]) {
      away()
      while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 10))
      writer.log({ level: 'info', service: 'qmgr', text: 'after' })
      assert.match(await written(file), /: after\n$/)
    }
  } finally {
    writer.close()
    rmSync(folder, { recursive: true })
  }
})

test('JSON: one object a line with service, queue ID, fields and error', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-'))
  try {
    const file = join(folder, 'log.json')
    const writer = createLogWriter({ ...names, file, format: 'json' })
    writer.log({
      level: 'error',
      service: 'smtp',
      queueId: 'A1',
      text: 'to=<a>\nx',
      fields: { dsn: '4.0.0' },
      error: new Error('boom'),
    })
    const row = JSON.parse(await written(file)) as Record<string, unknown>
    assert.equal(row['queueId'], 'A1')
    assert.equal(row['dsn'], '4.0.0')
    assert.equal(row['msg'], 'to=<a>\nx')
    assert.equal(row['level'], 'error')
    assert.match(JSON.stringify(row['err']), /boom/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
