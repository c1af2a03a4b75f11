import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { type Account, openStore, type Store } from '@posthorn/storage'
import { runCli } from '../../cli.ts'
import { createShellFixture } from '../shell-fixture.ts'

export const root = mkdtempSync(join(tmpdir(), 'posthorn-import-'))
after(() => rmSync(root, { recursive: true }))
/** Folder of the present one, see `newSite`. */
export let site = ''
let count = 0

/** A name that nobody has yet. */
export const newPath = (name: string): string => join(root, `${name}${count++}`)

export async function posthorn(...args: readonly string[]) {
  const shell = createShellFixture()
  const code = await runCli('posthorn', ['-c', site, ...args], shell, async () => 0)
  return { code, out: shell.output(), err: shell.errors() }
}

export async function newSite(): Promise<void> {
  site = newPath('site')
  mkdirSync(site, { mode: 0o700 })
  writeFileSync(
    join(site, 'main.cf'),
    'myhostname = mail.example.org\nmyorigin = example.org\nalias_maps =\n',
  )
  assert.equal((await posthorn('user', 'add', 'alice@example.org', '--password', 'x')).code, 0)
}

interface Kept {
  readonly uid: number
  readonly flags: string
  readonly dateMs: number
  readonly octets: string
}

/** What the store holds in a mailbox of alice's. */
export async function kept(name: string) {
  const store: Store = await openStore({ directory: join(site, 'store') })
  try {
    const account = (await store.accounts.find('alice@example.org')) as Account
    const mailbox = await store.mailboxes.find(account.id, name)
    assert.ok(mailbox, `mailbox ${name}`)
    const { uids } = await store.messages.view(mailbox.id)
    const messages: Kept[] = []
    for await (const batch of store.messages.fetch(mailbox.id, uids, { facts: true, bytes: 'all' })) {
      for (const [index, octets] of (batch.bytes ?? []).entries()) {
        const words = mailbox.keywords.filter(
          (_, slot) => ((batch.flags0[index] as number) >>> (slot + 5)) & 1,
        )
        messages.push({
          uid: batch.uids[index] as number,
          flags: [(batch.flags0[index] as number) & 31, ...words].join(' '),
          dateMs: batch.facts?.internalDatesMs[index] as number,
          octets: Buffer.from(octets).toString('latin1'),
        })
      }
    }
    return { mailbox, messages }
  } finally {
    await store.close()
  }
}

export const text = (subject: string, body = 'Hello\n') =>
  `From: a@example.net\nSubject: ${subject}\n\n${body}`
export const wire = (lines: string) => lines.replaceAll('\n', '\r\n')

/** Of Dovecot: flags, keywords, UIDs, subscriptions, a folder with an accent. */
export function makeMaildir(): string {
  const path = newPath('maildir')
  const file = (folder: string, name: string, content: string, dateS = 1_500_000_000) => {
    mkdirSync(join(path, folder), { recursive: true })
    writeFileSync(join(path, folder, name), content)
    utimesSync(join(path, folder, name), dateS, dateS)
  }
  file('cur', '1.M1P1.host,S=10:2,FS', text('one'))
  file('cur', '2.M1P1.host:2,Sab', text('two'))
  file('new', '3.M1P1.host', text('three'), 1_600_000_000)
  file('.Sent/cur', '4.M1P1.host:2,S', text('sent'))
  file('.Lists.Caf&AOk-/cur', '5.M1P1.host:2,RST', wire(text('list')))
  writeFileSync(
    join(path, 'dovecot-uidlist'),
    '3 V1275660208 N25 G0123\n7 W100 S90 :1.M1P1.host,S=10\n9 :2.M1P1.host\n',
  )
  writeFileSync(join(path, 'dovecot-keywords'), '0 $Forwarded\n1 Work\n')
  writeFileSync(join(path, 'subscriptions'), 'V\t2\n\nLists\tCaf&AOk-\n')
  return path
}
