/** POP3 identifiers on their way from Dovecot or Courier to here, and from here to Dovecot: clients notice nothing. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type MailServer, startMailServer } from '@posthorn/server'
import { runClient } from '../clients/run-client.ts'
import { Wire } from '../clients/wire.ts'

const bin = new URL('../../bin/posthorn', import.meta.url).pathname
const root = mkdtempSync(join(tmpdir(), 'posthorn-pop3-ids-'))
chmodSync(root, 0o755)
after(() => rmSync(root, { recursive: true, force: true }))

let count = 0

/** A Maildir with messages of these names; lists of a server may lie beside. */
function makeMaildir(files: readonly string[], lists: Readonly<Record<string, string>> = {}): string {
  const path = join(root, `maildir${count++}`)
  for (const folder of ['cur', 'new', 'tmp']) mkdirSync(join(path, folder), { recursive: true })
  files.forEach((file, at) => {
    writeFileSync(join(path, 'cur', `${file}:2,S`), `Subject: number ${at + 1}\n\ntext ${at + 1}\n`)
  })
  for (const [name, text] of Object.entries(lists)) writeFileSync(join(path, name), text)
  return path
}

const files = [1, 2, 3, 4].map((n) => `170000000${n}.M1P${n}.old.example.net,S=30,W=33`)

/** Subject → identifier, as Dovecot's POP3 tells them of a Maildir. */
async function dovecotIds(path: string, uidlFormat: string): Promise<ReadonlyMap<string, string>> {
  const conf = join(root, `dovecot${count++}.conf`)
  const run = join(root, 'run')
  mkdirSync(run, { recursive: true })
  const user = process.getuid?.() === 0 ? 5000 : process.getuid?.()
  writeFileSync(
    conf,
    `mail_location = maildir:${path}\nssl = no\npop3_uidl_format = ${uidlFormat}\nbase_dir = ${run}\nstate_dir = ${run}\n` +
      'default_internal_user = nobody\ndefault_login_user = nobody\ndefault_internal_group = nogroup\n',
  )
  await runClient('chown', ['-R', `${user}:${user}`, path, run])
  const dovecot = ['/usr/lib/dovecot/pop3', '-c', conf]
  const as = process.getuid?.() === 0 ? ['--reuid', '5000', '--regid', '5000', '--clear-groups'] : []
  const input = `UIDL\r\n${files.map((_, at) => `TOP ${at + 1} 0\r\n`).join('')}QUIT\r\n`
  const ran = await runClient('setpriv', [...as, ...dovecot], { input, env: { USER: 'old', HOME: root } })
  assert.match(ran.stdout, /\+OK Logging out/, ran.stderr)
  return idsIn(ran.stdout)
}

/** UIDL, then TOP of one message after the other. */
function idsIn(heard: string): ReadonlyMap<string, string> {
  const ids = [...heard.matchAll(/^\d+ (\S+)\r?$/gm)].map(([, id]) => id as string)
  const subjects = [...heard.matchAll(/^Subject: (.*?)\r?$/gm)].map(([, subject]) => subject as string)
  assert.equal(ids.length, subjects.length, heard)
  return new Map(subjects.map((subject, at) => [subject, ids[at] as string]))
}

async function ourIds(server: MailServer): Promise<ReadonlyMap<string, string>> {
  const wire = await Wire.open(server.ports.pop3)
  wire.send('USER alice@example.org\r\nPASS secret\r\nSTAT\r\n')
  const [, , messages] = /^(\+OK (\d+) \d+)\r?$/m.exec(await wire.hears(/^\+OK \d+ \d+\r$/m)) ?? []
  const tops = Array.from({ length: Number(messages) }, (_, at) => `TOP ${at + 1} 0\r\n`)
  wire.send(`UIDL\r\n${tops.join('')}QUIT\r\n`)
  const heard = await wire.untilClosed()
  return idsIn(heard.slice(heard.indexOf(' messages:') < 0 ? 0 : heard.search(/^1 \S+\r$/m)))
}

async function withServer(
  parameters: Readonly<Record<string, string>>,
  use: (server: MailServer, posthorn: (...args: string[]) => ReturnType<typeof runClient>) => Promise<void>,
): Promise<void> {
  const dataFolder = join(root, `site${count++}`)
  const server = await startMailServer({
    dataFolder,
    parameters: { myhostname: 'mail.example.org', disable_plaintext_auth: 'no', ...parameters },
    accounts: [{ address: 'alice@example.org', password: 'secret' }],
  })
  try {
    await use(server, (...args) => runClient(bin, ['-c', dataFolder, ...args]))
  } finally {
    await server.stop()
  }
}

describe('POP3 identifiers of a server that is replaced', () => {
  for (const uidlFormat of ['%08Xu%08Xv', '%f', '%g'])
    it(`Dovecot: pop3_uidl_format = ${uidlFormat}, there, here, and there again`, async () => {
      const maildir = makeMaildir(files)
      const there = await dovecotIds(maildir, uidlFormat)
      assert.equal(there.size, files.length)
      await withServer({ pop3_uidl_format: uidlFormat }, async (server, posthorn) => {
        const brought = await posthorn('import', 'maildir', 'alice@example.org', maildir)
        assert.equal(brought.code, 0, brought.stdout + brought.stderr)
        assert.deepEqual(await ourIds(server), there)
        const out = join(root, `out${count++}`)
        assert.equal((await posthorn('export', 'maildir', 'alice@example.org', out)).code, 0)
        // Whatever Dovecot would make of its own accord.
        assert.deepEqual(await dovecotIds(out, '%u'), there)
      })
    })

  it('Dovecot: identifiers saved in dovecot-uidlist; and into an INBOX that has held mail before', async () => {
    const maildir = makeMaildir(files, {
      'dovecot-uidlist':
        `3 V1300000000 N50 G0123456789abcdef0123456789abcdef\n` +
        `7 PUID17-1200000000 W33 :${files[0]}\n8 :${files[1]}\n9 G123abc Pa:b S30 W33 :${files[2]}\n40 :${files[3]}\n`,
    })
    const there = await dovecotIds(maildir, '%v.%u')
    assert.equal(there.get('number 1'), 'UID17-1200000000')
    assert.equal(there.get('number 3'), 'a:b')
    await withServer({ pop3_uidl_format: '%v.%u' }, async (server, posthorn) => {
      const first = makeMaildir(['1600000000.M1P1.first'])
      assert.equal((await posthorn('import', 'maildir', 'alice@example.org', first)).code, 0)
      const before = (await ourIds(server)).size
      assert.equal(before, 1)
      for (let pass = 0; pass < 2; pass++) {
        const brought = await posthorn('import', 'maildir', 'alice@example.org', maildir)
        assert.equal(brought.code, 0, brought.stdout + brought.stderr)
        const ids = await ourIds(server)
        // The first subject is in both; the later one counts in the map.
        assert.deepEqual(ids, there)
      }
    })
  })

  it('Courier: courierpop3dsizelist, with names of files from before it counted', async () => {
    const names = [
      '1700000001.M1P1.old',
      "1700000002.M2+P2'.old",
      '1700000003.M3P3.old',
      '1700000004.M4P4.old',
    ]
    const maildir = makeMaildir(names, {
      courierimapuiddb: `1 1400000000 9\n1 ${names[0]}\n2 ${names[1]}\n3 ${names[2]}\n4 ${names[3]}\n`,
      courierpop3dsizelist: `/3 44 1350000000\n${names[0]}:2,S 33 41:1350000000:0\n${names[1]}:2,S 33 0:0:0\n${names[2]} 33 43:0\nnonsense\n`,
    })
    await withServer({ pop3_uidl_format: 'UID%u-%v' }, async (server, posthorn) => {
      assert.equal((await posthorn('import', 'maildir', 'alice@example.org', maildir)).code, 0)
      assert.deepEqual(
        await ourIds(server),
        new Map([
          ['number 1', 'UID41-1350000000'],
          ['number 2', '1700000002.M2+2BP2+27.old'],
          ['number 3', 'UID43'],
          ['number 4', 'UID4-1400000000'],
        ]),
      )
    })
  })
})
