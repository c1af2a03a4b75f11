import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SyslogWriter } from './syslog-writer.ts'

async function eventually(check: () => void): Promise<void> {
  const endMs = performance.now() + 15_000
  for (;;) {
    try {
      return check()
    } catch (error) {
      if (performance.now() > endMs) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

test('the system log: facility, severity and name of each service, one line an event', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-syslog-'))
  try {
    const program = join(folder, 'logger')
    writeFileSync(program, `#!/bin/sh\nfor word; do :; done\nexec sed "s|^|$word $3 |" >> ${folder}/log\n`)
    chmodSync(program, 0o755)
    const writer = new SyslogWriter({
      syslogName: 'posthorn',
      facility: 'local3',
      pid: 42,
      leastLevel: 'info',
      program,
    })
    writer.write({ level: 'info', service: 'smtpd', text: 'connect from evil\r\n<0>kernel: panic' })
    writer.write({ level: 'warning', service: 'smtpd', queueId: 'A1', text: 'two' })
    writer.write({ level: 'debug', service: 'smtpd', text: 'not asked for' })
    writer.write({ level: 'error', service: 'imap-login', text: 'three', error: new Error('boom') })
    writer.close()
    await eventually(() => {
      const lines = readFileSync(join(folder, 'log'), 'utf8').trim().split('\n').toSorted()
      assert.equal(lines.length, 3, lines.join('\n'))
      assert.match(lines[0] ?? '', /^dovecot \S+ <155>imap-login: error: three: Error: boom/)
      assert.equal(lines[1], 'posthorn/smtpd --size=8KiB <156>warning: A1: two')
      assert.equal(lines[2], 'posthorn/smtpd --size=8KiB <158>connect from evil??<0>kernel: panic')
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a machine without logger(1) logs to its file all the same', async () => {
  const writer = new SyslogWriter({
    syslogName: 'x',
    facility: 'mail',
    pid: 1,
    leastLevel: 'info',
    program: '/nowhere/logger',
  })
  writer.write({ level: 'info', service: 'smtpd', text: 'one' })
  await new Promise((resolve) => setTimeout(resolve, 50))
  writer.write({ level: 'info', service: 'smtpd', text: 'two' })
  writer.close()
})
