import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '@posthorn/storage'
import { eventually } from '../clients/mail-server.ts'

const bin = new URL('../../bin/posthorn', import.meta.url).pathname
const messageCount = 2_500

/** Of a site with alice, and a Maildir of many small messages. */
function newSite(root: string): { readonly site: string; readonly maildir: string } {
  const site = join(root, 'site')
  const maildir = join(root, 'Maildir')
  mkdirSync(site, { mode: 0o700 })
  writeFileSync(
    join(site, 'main.cf'),
    'myhostname = mail.example.org\nmyorigin = example.org\nalias_maps =\n',
  )
  for (const folder of ['cur', 'new', 'tmp']) mkdirSync(join(maildir, folder), { recursive: true })
  for (let n = 1; n <= messageCount; n++) {
    const text = `From: a@example.net\nSubject: number ${n}\n\n${'line of text\n'.repeat(40)}${n}\n`
    writeFileSync(join(maildir, 'cur', `${n}.M1P1.host:2,${n % 2 === 0 ? 'S' : ''}`), text)
  }
  return { site, maildir }
}

function start(site: string, ...args: readonly string[]): ChildProcess {
  return spawn(bin, ['-c', site, ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
}

async function end(child: ChildProcess): Promise<{ readonly code: number | null; readonly out: string }> {
  let out = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, out }
}

/** Messages noted as brought so far. */
function noted(site: string): number {
  const folder = join(site, 'imports')
  try {
    const [file] = readdirSync(folder)
    const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8')
    return text.split('"type":"brought"').length - 1
  } catch {
    return 0
  }
}

test('an import killed again and again goes on where it was: each message once', async () => {
  const root = mkdtempSync(join(tmpdir(), 'import-kill-'))
  try {
    const { site, maildir } = newSite(root)
    assert.equal((await end(start(site, 'user', 'add', 'alice@example.org', '--password', 'x'))).code, 0)
    let kills = 0
    for (let batches = 2; batches <= 14; batches += 4) {
      const child = start(site, 'import', 'maildir', 'alice', maildir)
      const ended = end(child)
      let over = false
      void ended.then(() => {
        over = true
      })
      await eventually(`${batches} batches`, async () => over || noted(site) >= batches || undefined)
      if (over) break
      // With whatever the command started.
      process.kill(-(child.pid as number), 'SIGKILL')
      await ended
      kills++
    }
    assert.ok(kills >= 2, `${kills} kills`)
    const last = await end(start(site, 'import', 'maildir', 'alice', maildir))
    assert.equal(last.code, 0, last.out)
    assert.match(last.out, new RegExp(`there ${messageCount} ([0-9a-f]{16}) +here ${messageCount} \\1 +same`))
    const store = await openStore({ directory: join(site, 'store') })
    const account = await store.accounts.find('alice@example.org')
    const inbox = await store.mailboxes.find(account!.id, 'INBOX')
    assert.deepEqual([inbox?.messages, inbox?.unseen], [messageCount, messageCount / 2])
    await store.close()
    const again = await end(start(site, 'import', 'maildir', 'alice', maildir))
    assert.match(again.out, /^INBOX +0 new +0 flags changed/m)
  } finally {
    rmSync(root, { recursive: true })
  }
})
