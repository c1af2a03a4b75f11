import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { alice, startForClients } from './mail-server.ts'
import { readMailbox, withImap } from './mailbox-reader.ts'
import { inFolder, mustRun } from './run-client.ts'

let server: MailServer
const originals = Array.from({ length: 12 }, (_, n) =>
  Buffer.from(
    `From: bob@example.org\r\nTo: alice@example.org\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_${n}?=\r\n` +
      `Message-ID: <original.${n}@example.org>\r\nDate: Sat, 21 Nov 2026 10:0${n % 10}:00 +0100\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n` +
      `Zeile ${n}: äöü\r\n.dot\r\n${`${'x'.repeat(70)}\r\n`.repeat(n * 7)}`,
  ),
)

before(async () => {
  server = await startForClients()
  await withImap(server.ports.imap, alice, async (client) => {
    for (const source of originals) await client.append('INBOX', source)
  })
})
after(async () => await server.stop())

const python = async (script: string, ...args: string[]): Promise<string> =>
  (await mustRun('python3', ['-c', script, ...args, alice.address, alice.password])).stdout

const tlsContext = `
import ssl
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
`

test('Python imaplib: plain, STARTTLS and TLS; login, select, fetch, search, store, copy, expunge', async () => {
  const script = `${tlsContext}
import imaplib, sys
plain, secure, user, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
def use(m, box):
    m.login(user, password)
    assert m.select('INBOX')[0] == 'OK'
    assert m.create(box)[0] == 'OK'
    ok, data = m.uid('fetch', '1:*', '(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])')
    assert ok == 'OK' and len([d for d in data if isinstance(d, tuple)]) == 12, data
    ok, data = m.search(None, 'SUBJECT', '"gr"'); assert ok == 'OK'
    ok, data = m.search('UTF-8', 'HEADER', 'Message-ID', 'original.3@'); assert data[0].split() == [b'4'], data
    assert m.copy('1:3', box)[0] == 'OK'
    m.select(box)
    assert m.store('2', '+FLAGS', r'(\\Deleted keyword)')[0] == 'OK'
    ok, data = m.expunge(); assert data == [b'2'], data
    ok, data = m.fetch('1:*', '(UID RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)'); assert len(data) == 2, data
    m.close(); assert m.delete(box)[0] == 'OK'
    m.logout()
use(imaplib.IMAP4('127.0.0.1', plain), 'Plain')
m = imaplib.IMAP4('127.0.0.1', plain); m.starttls(context); use(m, 'StartTls')
use(imaplib.IMAP4_SSL('127.0.0.1', secure, ssl_context=context), 'Tls')
print('done')`
  assert.match(await python(script, String(server.ports.imap), String(server.ports.imaps)), /done/)
})

test('Python poplib: plain, STLS and TLS; every message octet for octet, UIDL stays', async () => {
  const script = `${tlsContext}
import poplib, sys, hashlib
plain, secure, user, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
def use(p):
    p.user(user); p.pass_(password)
    assert p.stat()[0] == 12
    uidl = p.uidl()[1]
    for n in range(1, 13):
        body = b'\\r\\n'.join(p.retr(n)[1]) + b'\\r\\n'
        print(n, hashlib.sha256(body).hexdigest())
        assert b'Subject' in b'\\n'.join(p.top(n, 1)[1])
    p.quit()
    return uidl
a = use(poplib.POP3('127.0.0.1', plain))
p = poplib.POP3('127.0.0.1', plain); p.stls(context); b = use(p)
c = use(poplib.POP3_SSL('127.0.0.1', secure, context=context))
assert a == b == c`
  const out = await python(script, String(server.ports.pop3), String(server.ports.pop3s))
  const { createHash } = await import('node:crypto')
  const wanted = originals.map((source, n) => `${n + 1} ${createHash('sha256').update(source).digest('hex')}`)
  assert.deepEqual(out.trim().split('\n'), [...wanted, ...wanted, ...wanted])
})

test('curl: lists mailboxes, fetches a message over imap and pop3, with TLS', async () => {
  const user = ['-sS', '-k', '-u', `${alice.address}:${alice.password}`]
  const list = await mustRun('curl', [...user, `imaps://127.0.0.1:${server.ports.imaps}/`])
  assert.match(list.stdout, /\* LIST \(.*\\Sent.*\) "\/" "?Sent"?/)
  const imap = await mustRun('curl', [
    ...user,
    '--ssl-reqd',
    `imap://127.0.0.1:${server.ports.imap}/INBOX/;MAILINDEX=3`,
  ])
  assert.equal(imap.stdout.replaceAll('\r\n', '\n'), originals[2]?.toString().replaceAll('\r\n', '\n'))
  const pop3 = await mustRun('curl', [...user, `pop3s://127.0.0.1:${server.ports.pop3s}/5`])
  assert.equal(pop3.stdout, originals[4]?.toString())
})

test('telnet: POP3 and IMAP typed by hand', async () => {
  const typing = (port: number): string =>
    `(while IFS= read -r line; do sleep 0.3; printf '%s\\n' "$line"; done; sleep 0.5) | telnet 127.0.0.1 ${port}`
  const pop3 = await mustRun(
    'bash',
    ['-c', typing(server.ports.pop3)],
    { input: `user ${alice.address}\npass ${alice.password}\nstat\nlist\nretr 1\nquit\n` },
    [0, 1],
  )
  assert.match(pop3.stdout, /\+OK .*ready/)
  assert.match(pop3.stdout, /\+OK Logged in\./)
  assert.match(pop3.stdout, /\+OK 12 \d+\r?\n/)
  assert.match(pop3.stdout, /original\.0@example\.org/)
  const imap = await mustRun(
    'bash',
    ['-c', typing(server.ports.imap)],
    { input: `a login ${alice.address} "${alice.password}"\nb list "" "*"\nc examine inbox\nd logout\n` },
    [0, 1],
  )
  assert.match(imap.stdout, /\* OK \[CAPABILITY IMAP4rev1 .*\] /)
  assert.match(imap.stdout, /\* LIST \([^)]*\) "\/" "?INBOX"?/)
  assert.match(imap.stdout, /\[UIDVALIDITY \d+\]/)
  assert.match(imap.stdout, /\[UIDNEXT 13\]/)
  assert.match(imap.stdout, /\[HIGHESTMODSEQ \d+\]/)
  assert.match(imap.stdout, /\[PERMANENTFLAGS \(\)\]/)
  assert.match(imap.stdout, /\* BYE /)
})

test('mutt: reads a mailbox over IMAP with TLS and saves a message elsewhere', async () => {
  await inFolder(async (folder) => {
    const url = `imaps://127.0.0.1:${server.ports.imaps}`
    const config = `set folder="${url}/"\nset spoolfile="${url}/INBOX"\nset imap_user="${alice.address}"
set imap_pass="${alice.password}"\nset ssl_verify_host=no\nset ssl_verify_dates=no\nset ssl_use_system_certs=no
set certificate_file="${folder}/cert.pem"\nset confirmcreate=no\nset delete=yes\nset quit=yes\nset wait_key=no\nset mail_check=5
push "<tag-pattern>~s Gr<enter><tag-prefix><copy-message>=FromMutt<enter><exit>"\n`
    writeFileSync(join(folder, 'muttrc'), config)
    const { certificatePem } = server
    writeFileSync(join(folder, 'cert.pem'), certificatePem)
    await mustRun('script', ['-qec', `mutt -n -F ${join(folder, 'muttrc')}`, '/dev/null'], {
      cwd: folder,
      env: { TERM: 'xterm' },
      timeoutMs: 30_000,
    })
    const copied = await readMailbox(server.ports.imap, alice, 'FromMutt')
    assert.equal(copied.length, 12)
    assert.deepEqual(copied[3]?.source, originals[3])
  })
})

test('mbsync: two-way, and the third run changes nothing', async () => {
  await inFolder(async (folder) => {
    await withImap(server.ports.imap, alice, async (client) => {
      await client.mailboxCreate('Sync')
      for (let n = 0; n < 200; n++)
        await client.append(
          'Sync',
          `Subject: sync ${n}\r\nMessage-ID: <sync.${n}@example.org>\r\n\r\n${n}\r\n`,
        )
    })
    mkdirSync(join(folder, 'mail'))
    const config = `IMAPAccount us\nHost 127.0.0.1\nPort ${server.ports.imaps}\nUser ${alice.address}\nPass "${alice.password}"
SSLType IMAPS\nCertificateFile ${folder}/cert.pem\n\nIMAPStore far\nAccount us\n\nMaildirStore near\nPath ${folder}/mail/\nInbox ${folder}/mail/INBOX\nSubFolders Verbatim
\nChannel all\nFar :far:\nNear :near:\nPatterns Sync\nCreate Both\nExpunge Both\nSyncState *\n`
    writeFileSync(join(folder, 'mbsyncrc'), config)
    writeFileSync(join(folder, 'cert.pem'), server.certificatePem)
    const sync = async (): Promise<string> =>
      (await mustRun('mbsync', ['-c', join(folder, 'mbsyncrc'), '-V', 'all'], { cwd: folder })).stdout
    await sync()
    const local = join(folder, 'mail', 'Sync')
    const files = [...readdirSync(join(local, 'new')), ...readdirSync(join(local, 'cur'))]
    assert.equal(files.length, 200)
    writeFileSync(join(local, 'cur', '1.local.host:2,S'), 'Subject: written here\n\nlocal\n')
    await withImap(server.ports.imap, alice, async (client) => {
      await client.mailboxOpen('Sync')
      await client.messageDelete('1:5', { uid: true })
      await client.messageFlagsAdd('6', ['\\Flagged'], { uid: true })
    })
    await sync()
    const after = await readMailbox(server.ports.imap, alice, 'Sync')
    assert.equal(after.length, 196)
    assert.ok(
      after.some((message) => message.source.includes('written here') && message.flags.includes('\\Seen')),
    )
    assert.equal(readdirSync(join(local, 'cur')).length + readdirSync(join(local, 'new')).length, 196)
    const before = await readMailbox(server.ports.imap, alice, 'Sync')
    await sync()
    assert.deepEqual(await readMailbox(server.ports.imap, alice, 'Sync'), before)
  })
})

test('offlineimap: copies a mailbox to a Maildir', async () => {
  await inFolder(async (folder) => {
    const config = `[general]\naccounts = us\nmetadata = ${folder}/meta\n[Account us]\nlocalrepository = near\nremoterepository = far
[Repository near]\ntype = Maildir\nlocalfolders = ${folder}/mail\n[Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = ${server.ports.imaps}
remoteuser = ${alice.address}\nremotepass = ${alice.password}\nssl = yes\nsslcacertfile = ${folder}/cert.pem\nfolderfilter = lambda name: name == 'INBOX'\n`
    writeFileSync(join(folder, 'rc'), config)
    writeFileSync(join(folder, 'cert.pem'), server.certificatePem)
    await mustRun('offlineimap', ['-c', join(folder, 'rc'), '-o', '-u', 'basic'], { cwd: folder })
    const box = join(folder, 'mail', 'INBOX')
    const files = ['new', 'cur'].flatMap((sub) =>
      readdirSync(join(box, sub)).map((name) => join(box, sub, name)),
    )
    assert.equal(files.length, 12)
    const bodies = files.map((file) => readFileSync(file, 'utf8').replaceAll('\r\n', '\n'))
    for (const source of originals)
      assert.ok(
        bodies.some((body) =>
          body.endsWith(source.toString().replaceAll('\r\n', '\n').split('\n\n')[1] ?? ''),
        ),
      )
  })
})

test('fetchmail: POP3 with TLS and IMAP, kept on the server', async () => {
  await inFolder(async (folder) => {
    for (const [protocol, port] of [
      ['pop3', server.ports.pop3s],
      ['imap', server.ports.imaps],
    ] as const) {
      const out = join(folder, protocol)
      const config = `poll 127.0.0.1 protocol ${protocol} service ${port} user "${alice.address}" password "${alice.password}"
  ssl no sslcertck keep fetchall mda "cat >> ${out}"\n`
      writeFileSync(join(folder, 'fetchmailrc'), config, { mode: 0o600 })
      await mustRun(
        'fetchmail',
        ['-f', join(folder, 'fetchmailrc'), '--nodetach', '-i', join(folder, `ids-${protocol}`)],
        {
          cwd: folder,
          env: { FETCHMAILHOME: folder },
        },
      )
      const text = readFileSync(out, 'utf8')
      for (let n = 0; n < 12; n++) assert.ok(text.includes(`<original.${n}@example.org>`), `${protocol} ${n}`)
    }
  })
})

test('getmail: POP3 over TLS, every message to a command', async () => {
  await inFolder(async (folder) => {
    const out = join(folder, 'out')
    const config = `[retriever]\ntype = SimplePOP3SSLRetriever\nserver = 127.0.0.1\nport = ${server.ports.pop3s}
username = ${alice.address}\npassword = ${alice.password}\n[destination]\ntype = MDA_external\npath = /bin/sh
arguments = ("-c", "cat >> ${out}")\nallow_root_commands = true\n[options]\nread_all = true\ndelete = false\n`
    writeFileSync(join(folder, 'getmailrc'), config, { mode: 0o600 })
    await mustRun('getmail', [`--getmaildir=${folder}`, '--rcfile=getmailrc'], { cwd: folder })
    const text = readFileSync(out, 'utf8')
    for (let n = 0; n < 12; n++) assert.ok(text.includes(`<original.${n}@example.org>`), `message ${n}`)
  })
})
