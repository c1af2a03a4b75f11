/** EMFILE: a server that may open no more files loses nothing, and serves again when files are free. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SmtpTalk } from '../clients/dialogue.ts'
import { eventually } from '../clients/mail-server.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'
import { Wire } from '../clients/wire.ts'
import { posthorn, spawnServer } from './spawned-server.ts'

const alice = { address: 'alice@example.org', password: 'secret' }

test('EMFILE: no file descriptors left, then some again', {
  skip: process.platform !== 'linux',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-crash-'))
  const server = await spawnServer(
    folder,
    'disable_plaintext_auth = no\nreading_client_connection_limit = 0\n',
  )
  const crowd: Wire[] = []
  try {
    await posthorn(folder, 'user', 'add', alice.address, '--password', alice.password)
    const talk = await SmtpTalk.open(server.smtpPort)
    const letter = (n: number): string => `Subject: letter ${n}\r\n\r\nx\r\n`
    assert.match(await talk.message('a@b.example', alice.address, letter(0)), /^250 /)
    const pid = String(server.child.pid)
    const open = readdirSync(`/proc/${pid}/fd`).length
    execFileSync('prlimit', ['--pid', pid, `--nofile=${open + 12}:${open + 12}`])

    for (let n = 0; n < 60; n++) {
      const port = n % 2 === 0 ? server.smtpPort : server.imapPort
      await Wire.open(port).then(
        (wire) => crowd.push(wire),
        () => {},
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 300))
    const acknowledged = [0]
    for (let n = 1; n <= 5; n++) {
      const answer = await talk.message('a@b.example', alice.address, letter(n))
      if (answer.startsWith('250 ')) acknowledged.push(n)
      else assert.match(answer, /^4\d\d 4\./)
      await talk.say('RSET')
    }
    assert.equal(server.child.exitCode, null)

    for (const wire of crowd.splice(0)) wire.close()
    const again = await eventually('a new client is served', async () => {
      const next = await SmtpTalk.open(server.smtpPort).catch(() => undefined)
      const answer = await next?.message('a@b.example', alice.address, letter(6)).catch(() => '')
      next?.wire.close()
      return answer?.startsWith('250 ') ? true : undefined
    })
    assert.ok(again)
    const seen = (await readMailbox(server.imapPort, alice)).map(({ source }) => source.toString())
    for (const n of [...acknowledged, 6])
      assert.ok(
        seen.some((text) => text.includes(`Subject: letter ${n}\r\n`)),
        `letter ${n} is lost`,
      )
    talk.wire.close()
    assert.equal(await server.stop(), 0)
  } finally {
    for (const wire of crowd) wire.close()
    await server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
})
