import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { alice, startForClients } from './mail-server.ts'
import { readMailbox, withImap } from './mailbox-reader.ts'
import { onTerminal } from './on-terminal.ts'
import { inFolder, mustRun } from './run-client.ts'

let server: MailServer
const originals = Array.from({ length: 6 }, (_, n) =>
  Buffer.from(
    `From: bob@example.org\r\nTo: alice@example.org\r\nSubject: letter ${n}\r\n` +
      `Message-ID: <terminal.${n}@example.org>\r\nDate: Sat, 21 Nov 2026 10:0${n}:00 +0100\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nZeile ${n}: äöü\r\n.dot\r\n`,
  ),
)

before(async () => {
  server = await startForClients()
  await withImap(server.ports.imap, alice, async (client) => {
    for (const source of originals) await client.append('INBOX', source, ['\\Seen'])
  })
})
after(async () => await server.stop())

test('neomutt: CONDSTORE and QRESYNC; tags, copies and deletes over STARTTLS', async () => {
  await inFolder(async (folder) => {
    const url = `imap://127.0.0.1:${server.ports.imap}`
    const config = `set folder="${url}/"\nset spoolfile="${url}/INBOX"\nset imap_user="${alice.address}"
set imap_pass="${alice.password}"\nset ssl_starttls=yes\nset ssl_force_tls=yes\nset ssl_verify_host=no
set ssl_verify_dates=no\nset ssl_use_system_certs=no\nset certificate_file="${folder}/cert.pem"
set imap_condstore=yes\nset imap_qresync=yes\nset header_cache="${folder}/cache"
set confirmcreate=no\nset delete=yes\nset quit=yes\nset wait_key=no\nset sleep_time=0
push "<tag-pattern>~s letter<enter><tag-prefix><copy-message>=FromNeomutt<enter><untag-pattern>~A<enter><last-entry><delete-message><sync-mailbox><exit>"\n`
    writeFileSync(join(folder, 'rc'), config)
    mkdirSync(join(folder, 'cache'))
    writeFileSync(join(folder, 'cert.pem'), server.certificatePem)
    for (const _ of ['new', 'again, from the cache'])
      await mustRun('script', ['-qec', `neomutt -n -F ${join(folder, 'rc')}`, '/dev/null'], {
        cwd: folder,
        env: { TERM: 'xterm' },
        timeoutMs: 40_000,
      })
    const copied = await readMailbox(server.ports.imap, alice, 'FromNeomutt')
    assert.deepEqual(
      copied.map(({ source }) => source.toString()).sort(),
      [...originals, ...originals.slice(0, 5)].map(String).sort(),
    )
    assert.equal((await readMailbox(server.ports.imap, alice)).length, 4, 'one each time')
  })
})

test('s-nail: headers, a message, a flag and a delete over IMAP with STARTTLS; POP3 with TLS', async () => {
  await inFolder(async (folder) => {
    const login = `${encodeURIComponent(alice.address)}:${encodeURIComponent(alice.password)}`
    const env = { MAILRC: '/dev/null', TERM: 'dumb' }
    const options = ['-:/', '-Sv15-compat', '-Stls-verify=ignore', '-Simap-use-starttls']
    await withImap(server.ports.imap, alice, async (client) => {
      await client.mailboxCreate('Snail')
      for (const source of originals.slice(0, 3)) await client.append('Snail', source)
    })
    const commands = ['headers', 'print 1', 'flag 2', 'delete 3', 'quit'].flatMap((command) => [
      '-Y',
      command,
    ])
    const box = `imap://${login}@127.0.0.1:${server.ports.imap}/Snail`
    const { stdout } = await mustRun('s-nail', [...options, ...commands, '-f', box], { cwd: folder, env })
    assert.match(stdout, /letter 0/)
    assert.match(stdout, /Zeile 0: äöü/)
    const left = await readMailbox(server.ports.imap, alice, 'Snail')
    assert.deepEqual(
      left.map(({ uid, flags }) => [uid, flags.includes('\\Seen'), flags.includes('\\Flagged')]),
      [
        [1, true, false],
        [2, false, true],
      ],
    )
    const pop3 = await mustRun(
      's-nail',
      [
        ...options,
        '-R',
        '-Y',
        'headers',
        '-Y',
        'xit',
        '-f',
        `pop3s://${login}@127.0.0.1:${server.ports.pop3s}`,
      ],
      { cwd: folder, env },
    )
    assert.match(pop3.stdout, /letter 0/)
  })
})

test('mpop: POP3 over STLS and TLS into a Maildir, only what is new the second time', async () => {
  await inFolder(async (folder) => {
    for (const name of ['cur', 'new', 'tmp']) mkdirSync(join(folder, 'Mail', name), { recursive: true })
    const common = `host 127.0.0.1\nuser ${alice.address}\npassword ${alice.password}\ntls on\ntls_certcheck off
keep on\ndelivery maildir ${join(folder, 'Mail')}\nreceived_header off\nuidls_file ${join(folder, 'uidls')}-%H\n`
    writeFileSync(
      join(folder, 'mpoprc'),
      `account stls\nport ${server.ports.pop3}\ntls_starttls on\n${common}\naccount tls\nport ${server.ports.pop3s}\ntls_starttls off\n${common}`,
      { mode: 0o600 },
    )
    const held = await readMailbox(server.ports.imap, alice)
    const fetch = async (account: string) =>
      await mustRun('mpop', ['-C', join(folder, 'mpoprc'), account], { cwd: folder })
    await fetch('stls')
    const files = () =>
      readdirSync(join(folder, 'Mail', 'new')).map((name) =>
        readFileSync(join(folder, 'Mail', 'new', name), 'utf8'),
      )
    const lines = (text: string): string => text.replaceAll('\r\n', '\n')
    assert.deepEqual(files().map(lines).sort(), held.map(({ source }) => lines(source.toString())).sort())
    await fetch('tls')
    assert.equal(files().length, held.length, 'the same UIDL, nothing twice')
  })
})

test('alpine: opens INBOX over TLS, reads a message, saves it elsewhere, deletes and expunges', async () => {
  await inFolder(async (folder) => {
    const host = `{127.0.0.1:${server.ports.imaps}/imap/ssl/novalidate-cert/user="${alice.address}"}`
    const config = `user-domain=example.org\npersonal-name=Alice\ninbox-path=${host}INBOX
folder-collections=mail ${host}[]\nfeature-list=enable-full-header-cmd,expunge-without-confirm-everywhere,
	quit-without-confirm,save-will-not-delete,no-save-will-quote-leading-froms,disable-busy-alarm
last-version-used=6.26\nlast-time-prune-questioned=126.11\n`
    writeFileSync(join(folder, 'pinerc'), config)
    const steps = [
      ['ENTER PASSWORD', `${alice.password}\r`],
      ['Preserve password', 'n'],
      // Where nothing is new, the cursor stands on the last message.
      ['letter 3', 'J'],
      ['ump', '1\r'],
      ['letter 0', '\r'],
      ['Zeile 0', 'S'],
      ['SAVE Msg', 'FromAlpine\r'],
      ['Create', 'y'],
      ['MsgIndex', 'D'],
      ['deletion', 'I'],
      ['MESSAGE INDEX', 'X'],
      ['xpunge', 'Q'],
    ]
    await mustRun(
      'python3',
      ['-c', onTerminal, JSON.stringify(steps), 'alpine', '-i', '-p', join(folder, 'pinerc')],
      { cwd: folder, timeoutMs: 60_000 },
    )
    const saved = await readMailbox(server.ports.imap, alice, 'FromAlpine')
    assert.deepEqual(
      saved.map(({ source }) => source),
      [originals[0]],
    )
    const left = await readMailbox(server.ports.imap, alice)
    assert.ok(left.length > 0 && !left.some(({ source }) => source.equals(originals[0]!)))
  })
})
