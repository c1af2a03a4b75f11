import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { withImap } from '../clients/mailbox-reader.ts'
import { mustRun, runClient } from '../clients/run-client.ts'
import { type Peers, startPeers } from './postfix-dovecot.ts'

const u50 = { address: 'u50@bench.test', password: 'secret' }
const u51 = { address: 'u51@bench.test', password: 'secret' }
const root = mkdtempSync(join(tmpdir(), 'posthorn-import-peers-'))
const bin = new URL('../../bin/posthorn', import.meta.url).pathname
let peers: Peers
let site = ''

before(async () => {
  peers = await startPeers(29_000)
  await withImap(peers.imapPort, u50, async (client) => {
    await client.mailboxCreate('Lists')
    await client.mailboxCreate('Lists.Café & Tee')
    await client.mailboxSubscribe('Lists.Café & Tee')
    for (let n = 1; n <= 30; n++) await append(client, 'INBOX', n)
    for (let n = 31; n <= 35; n++) await append(client, 'Lists.Café & Tee', n)
    const lock = await client.getMailboxLock('INBOX')
    await client.messageDelete('4:6')
    await client.messageFlagsAdd('1:2', ['\\Seen', '\\Flagged', 'Work', '$Forwarded'])
    lock.release()
  })
})
after(async () => {
  await peers.stop()
  rmSync(root, { recursive: true })
})

type Client = Parameters<Parameters<typeof withImap>[2]>[0]

async function append(client: Client, mailbox: string, n: number): Promise<void> {
  const text = `From: a@example.net\r\nSubject: number ${n}\r\nMessage-ID: <${n}@example.net>\r\n\r\nLine of ${n}\r\n.\r\nFrom here on\r\n`
  await client.append(mailbox, text, [], new Date(1_700_000_000_000 + n * 86_400_000))
}

async function newSite(name: string): Promise<void> {
  site = join(root, name)
  mkdirSync(site, { mode: 0o700 })
  writeFileSync(
    join(site, 'main.cf'),
    'myhostname = mail.example.org\nmyorigin = example.org\nalias_maps =\n',
  )
  await mustRun(bin, ['-c', site, 'user', 'add', 'alice@example.org', '--password', 'x'])
}

const posthorn = (...args: string[]) => runClient(bin, ['-c', site, ...args])

/** UID, flags, date and text of each message at Dovecot. */
async function state(login: typeof u50, mailbox: string) {
  return withImap(peers.imapPort, login, async (client) => {
    const lock = await client.getMailboxLock(mailbox)
    const messages = []
    for await (const one of client.fetch('1:*', { uid: true, flags: true, internalDate: true, source: true }))
      messages.push([
        one.uid,
        [...(one.flags ?? [])].filter((flag) => flag !== '\\Recent').sort(),
        new Date(one.internalDate as Date).getTime(),
        one.source?.toString(),
      ])
    const validity = client.mailbox === false ? 0n : client.mailbox.uidValidity
    lock.release()
    return { validity, messages }
  })
}

describe('from Dovecot to here and back', () => {
  it('from its Maildir, and out again to a Maildir that Dovecot serves under the same UIDs', async () => {
    await newSite('maildir')
    const copy = join(root, 'copy')
    await mustRun('cp', ['-a', join(peers.mailFolder, 'u50'), copy])
    await mustRun('chmod', ['-R', 'a+rX', copy])
    const brought = await posthorn('import', 'maildir', 'alice', copy)
    assert.equal(brought.code, 0, brought.stdout + brought.stderr)
    assert.match(brought.stdout, /^INBOX +27 new .* same +UIDs kept$/m)
    assert.match(brought.stdout, /^Lists\/Café & Tee +5 new .* same +UIDs kept$/m)
    const out = join(root, 'out')
    assert.equal((await posthorn('export', 'maildir', 'alice', out)).code, 0)
    const target = join(peers.mailFolder, 'u51')
    rmSync(target, { recursive: true, force: true })
    await mustRun('cp', ['-a', out, target])
    await mustRun('chown', ['-R', '5000:5000', target])
    for (const mailbox of ['INBOX', 'Lists.Café & Tee'])
      assert.deepEqual(await state(u51, mailbox), await state(u50, mailbox))
    const subscribed = await withImap(peers.imapPort, u51, (client) => client.list())
    assert.ok(subscribed.some(({ path, subscribed: on }) => path === 'Lists.Café & Tee' && on))
  })

  it('from the living server; the last pass brings the difference', async () => {
    await newSite('living')
    const args = ['import', 'imap', 'alice', '127.0.0.1', '--port', String(peers.imapPort)]
    const password = join(root, 'password')
    writeFileSync(password, 'secret\n')
    args.push('--security', 'plain', '--user', u50.address, '--password-file', password)
    const first = await posthorn(...args)
    assert.equal(first.code, 0, first.stdout + first.stderr)
    assert.match(first.stdout, /^INBOX +27 new .* same +UIDs kept$/m)
    await withImap(peers.imapPort, u50, async (client) => {
      await append(client, 'INBOX', 99)
      const lock = await client.getMailboxLock('INBOX')
      await client.messageFlagsRemove('1', ['\\Flagged'])
      await client.messageDelete('10')
      lock.release()
    })
    const receipt = join(root, 'receipt.json')
    const dry = await posthorn(...args, '--dry-run')
    assert.match(dry.stdout, /^INBOX +27 messages +1 to bring .* 1 flags to change +1 removed there$/m)
    const last = await posthorn(...args, '--delete', '--receipt', receipt)
    assert.equal(last.code, 0, last.stdout + last.stderr)
    assert.match(last.stdout, /^INBOX +1 new +1 flags changed +there 27 ([0-9a-f]+) +here 27 \1 +same/m)
    assert.ok(readdirSync(root).includes('receipt.json'))
    // The mailbox there gets a new UIDVALIDITY: nothing comes twice, and flags are those of now.
    const { validity } = await state(u50, 'INBOX')
    for (const file of readdirSync(join(peers.mailFolder, 'u50')).filter((name) =>
      name.startsWith('dovecot'),
    ))
      rmSync(join(peers.mailFolder, 'u50', file), { recursive: true })
    await withImap(peers.imapPort, u50, async (client) => {
      const lock = await client.getMailboxLock('INBOX')
      await client.messageFlagsAdd('5', ['\\Answered'])
      lock.release()
    })
    assert.notEqual((await state(u50, 'INBOX')).validity, validity)
    const renumbered = await posthorn(...args, '--delete')
    assert.match(
      renumbered.stdout,
      /^INBOX +0 new +[1-9]\d* flags changed +there 27 ([0-9a-f]+) +here 27 \1 +same/m,
    )
    assert.match((await posthorn(...args)).stdout, /^INBOX +0 new +0 flags changed .* same/m)
    const refused = await posthorn(...args, '--user', 'nobody@bench.test')
    assert.notEqual(refused.code, 0)
    assert.match(refused.stderr, /login refused/)
  })

  it('a message that the server fails at is left out, and said; what else goes wrong there costs its mailbox alone', async () => {
    await newSite('broken')
    const login = { address: 'u52@bench.test', password: 'secret' }
    await withImap(peers.imapPort, login, async (client) => {
      for (let n = 1; n <= 5; n++) await append(client, 'INBOX', n)
      // Both would become Sent here.
      await client.mailboxCreate('Sent Messages')
      await append(client, 'Sent Messages', 6)
      await append(client, 'Sent', 7)
    })
    // Dovecot ends the session when the size in the name is wrong.
    const broken = join(peers.mailFolder, 'u52', 'cur', '1700000105.M1P1.odd,S=999999999:2,S')
    writeFileSync(broken, 'Subject: wrong size\n\nx\n')
    await mustRun('chown', ['5000:5000', broken])
    const password = join(root, 'password')
    writeFileSync(password, 'secret\n')
    const args = ['import', 'imap', 'alice', '127.0.0.1', '--port', String(peers.imapPort)]
    args.push('--security', 'plain', '--user', login.address, '--password-file', password)
    const brought = await posthorn(...args, '--map', 'Sent Messages=Sent')
    assert.equal(brought.code, 1, brought.stdout + brought.stderr)
    assert.doesNotMatch(brought.stderr, /^ +at /m)
    assert.match(brought.stdout, /^INBOX +5 new .* there 6 [0-9a-f]+ +here 5 [0-9a-f]+ +DIFFERENT/m)
    assert.match(brought.stdout, /^INBOX: a message of .* could not be read there/m)
    assert.match(brought.stdout, /^Sent Messages -> Sent +1 new .* same/m)
    assert.match(brought.stdout, /^Sent: "Sent Messages" goes there already \(--map 'Sent=NAME'/m)
    const mapped = await posthorn(
      ...args,
      '--map',
      'Sent Messages=Sent',
      '--map',
      'Sent=Sent here',
      '--only',
      'Sent',
    )
    assert.match(mapped.stdout, /^Sent -> Sent here +1 new .* same/m)
  })

  it('mailboxes below a prefix come without it, what is shared there stays there', async () => {
    await newSite('prefix')
    const login = { address: 'u53@bench.test', password: 'secret' }
    await withImap(peers.imapPort, login, async (client) => {
      await client.mailboxCreate('Lists.one')
      await append(client, 'Lists.one', 1)
      await append(client, 'Sent', 2)
      await append(client, 'INBOX', 3)
    })
    const folder = dirname(peers.mailFolder)
    const conf = join(folder, 'dovecot', 'dovecot.conf')
    const before = readFileSync(conf, 'utf8')
    const shared = join(folder, 'public')
    mkdirSync(join(shared, '.all', 'cur'), { recursive: true })
    await mustRun('chown', ['-R', '5000:5000', shared])
    writeFileSync(
      conf,
      before.replace('inbox = yes', 'inbox = yes\n  separator = .\n  prefix = INBOX.') +
        `namespace public {\n  type = public\n  separator = .\n  prefix = Public.\n  location = maildir:${shared}\n}\n`,
    )
    const reload = () =>
      process.kill(Number(readFileSync(join(folder, 'dovecot', 'run', 'master.pid'), 'utf8')), 'SIGHUP')
    const paths = () =>
      withImap(peers.imapPort, login, async (client) => (await client.list()).map(({ path }) => path))
    try {
      reload()
      for (let tries = 0; !(await paths()).includes('INBOX.Lists.one'); tries++)
        assert.ok(tries < 500, 'reloaded')
      const password = join(root, 'password')
      writeFileSync(password, 'secret\n')
      const args = ['import', 'imap', 'alice', '127.0.0.1', '--port', String(peers.imapPort)]
      args.push('--security', 'plain', '--user', login.address, '--password-file', password)
      const brought = await posthorn(...args)
      assert.equal(brought.code, 0, brought.stdout + brought.stderr)
      for (const name of ['INBOX', 'Lists/one', 'Sent'])
        assert.match(brought.stdout, new RegExp(`^${name} +1 new .* same`, 'm'))
      assert.doesNotMatch(brought.stdout, /INBOX\/|Public/)
    } finally {
      writeFileSync(conf, before)
      reload()
    }
  })
})
