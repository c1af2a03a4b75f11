/** Programs that many have and few name: aerc, fdm, nmh, GNU mailutils, Python's imap_tools and aiosmtplib. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox, withImap } from './mailbox-reader.ts'
import { onTerminal } from './on-terminal.ts'
import { inFolder, mustRun } from './run-client.ts'

let server: MailServer
const carol = { address: 'carol@example.org', password: 'pw-carol' }
const letters = Array.from({ length: 6 }, (_, n) =>
  Buffer.from(
    `From: bob@example.org\r\nTo: carol@example.org\r\nSubject: letter ${n}\r\n` +
      `Message-ID: <small.${n}@example.org>\r\nDate: Sat, 21 Nov 2026 10:0${n}:00 +0100\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nZeile ${n}: äöü\r\n.dot\r\n`,
  ),
)
const lines = (text: Uint8Array): string => Buffer.from(text).toString().replaceAll('\r\n', '\n')

before(async () => {
  server = await startForClients({ auth_failure_delay: '0' })
  await server.addAccount(carol.address, carol.password)
  for (const who of [alice, carol])
    await withImap(server.ports.imap, who, async (client) => {
      for (const letter of letters) await client.append('INBOX', letter, [])
    })
})
after(async () => await server.stop())

test('aerc: reads, flags, copies, moves, archives, makes and removes a mailbox, searches, sends over TLS', async () => {
  const { ports } = server
  await withImap(ports.imap, alice, async (client) => await client.mailboxCreate('Äpfel'))
  await inFolder(async (folder) => {
    const config = join(folder, '.config', 'aerc')
    mkdirSync(config, { recursive: true })
    writeFileSync(join(folder, 'ca.pem'), server.certificatePem)
    const user = `${encodeURIComponent(alice.address)}:${encodeURIComponent(alice.password)}`
    writeFileSync(
      join(config, 'accounts.conf'),
      `[Test]\nsource = imaps://${user}@localhost:${ports.imaps}\noutgoing = smtps+plain://${user}@localhost:${ports.submissions}\n` +
        `default = INBOX\nfrom = Alice <${alice.address}>\ncopy-to = Sent\n`,
      { mode: 0o600 },
    )
    const steps = [
      ['letter 5', ':flag -t\r'],
      ['successful', ':cp Äpfel\r'],
      ['copied', ':mv Äpfel\r'],
      ['moved', ':archive flat\r'],
      ['archived', ':delete\r'],
      ['dele', ':mkdir Neu/Ordner\r'],
      ['reat', ':cf Neu/Ordner\r'],
      ['(no messages)', ':rmdir\r'],
      ['moved.', ':cf INBOX\r'],
      ['letter 1', ':search -b Zeile\r'],
      ['Zeile', ':view\r'],
      ['.dot', ':close\r'],
      ['letter', ":compose -H 'To: bob@example.org' -H 'Subject: aus aerc äöü' Hallo\r"],
      ['Send', 'y'],
      ['letter 0', ':cf Sent\r'],
      ['aerc', ':quit\r'],
    ]
    await mustRun('python3', ['-c', onTerminal, JSON.stringify(steps), 'aerc'], {
      cwd: folder,
      env: { SSL_CERT_FILE: join(folder, 'ca.pem'), EDITOR: 'true' },
      timeoutMs: 60_000,
    })
  })
  const sources = async (mailbox: string) => (await readMailbox(ports.imap, alice, mailbox)).map(lineOf)
  assert.deepEqual(await sources('INBOX'), ['letter 0', 'letter 1', 'letter 2'])
  assert.deepEqual(await sources('Äpfel'), ['letter 5 \\Flagged', 'letter 5 \\Flagged'])
  assert.deepEqual(await sources('Archive'), ['letter 4'])
  assert.equal((await sources('Sent')).length, 1)
  await eventually('the message', async () => {
    const found = await readMailbox(ports.imap, bob)
    return found.some(({ source }) => source.includes('aus_aerc') || source.includes('aus aerc')) || undefined
  })
})

const lineOf = ({ source, flags }: { readonly source: Buffer; readonly flags: readonly string[] }): string =>
  [/^Subject: (.*?)\r$/m.exec(source.toString())?.[1], ...flags.filter((flag) => flag === '\\Flagged')].join(
    ' ',
  )

test('fdm: takes all over IMAP and POP3, keeps them there, octet for octet', async () => {
  await inFolder(async (folder) => {
    const { ports } = server
    const account = (name: string, kind: string, port: number, more: string): string =>
      `account "${name}" ${kind} server "127.0.0.1" port "${port}" user "${carol.address}" pass "${carol.password}"${more}\n`
    writeFileSync(
      join(folder, 'fdm.conf'),
      'set unmatched-mail keep\nset no-received\n' +
        `action "imap" maildir "${folder}/imap"\naction "pop3" maildir "${folder}/pop3"\n` +
        account('imap', 'imap', ports.imap, ' folder "INBOX"') +
        account('pop3', 'pop3', ports.pop3, '') +
        'match account "imap" action "imap"\nmatch account "pop3" action "pop3"\n',
      { mode: 0o600 },
    )
    await mustRun('fdm', ['-k', '-f', join(folder, 'fdm.conf'), 'fetch'], { cwd: folder })
    for (const kind of ['imap', 'pop3']) {
      const names = readdirSync(join(folder, kind, 'new'))
      assert.deepEqual(
        names.map((name) => lines(readFileSync(join(folder, kind, 'new', name)))).sort(),
        letters.map(lines),
      )
    }
  })
  assert.equal((await readMailbox(server.ports.imap, carol)).length, letters.length)
})

test('nmh: inc over POP3', async () => {
  await inFolder(async (folder) => {
    writeFileSync(join(folder, '.mh_profile'), `Path: ${folder}/Mail\n`)
    writeFileSync(
      join(folder, '.netrc'),
      `machine 127.0.0.1 login ${carol.address} password ${carol.password}\n`,
      { mode: 0o600 },
    )
    mkdirSync(join(folder, 'Mail', 'inbox'), { recursive: true })
    const ran = await mustRun(
      '/usr/bin/mh/inc',
      ['-host', '127.0.0.1', '-port', String(server.ports.pop3), '-user', carol.address, '-notruncate'],
      { cwd: folder },
    )
    assert.match(ran.stdout, /letter 5/)
    for (const [n, letter] of letters.entries())
      assert.equal(readFileSync(join(folder, 'Mail', 'inbox', String(n + 1)), 'utf8'), lines(letter))
  })
})

test('GNU mailutils: movemail over POP3 and IMAP, mail reads a mailbox', async () => {
  await inFolder(async (folder) => {
    const user = `${encodeURIComponent(carol.address)}:${carol.password}`
    const { ports } = server
    for (const place of [
      `pop://${user}@127.0.0.1:${ports.pop3}`,
      `imap://${user}@127.0.0.1:${ports.imap}/INBOX`,
    ]) {
      const mbox = join(folder, place.slice(0, 4))
      await mustRun('movemail', [place, mbox, '--preserve'], { cwd: folder })
      const text = readFileSync(mbox, 'utf8')
      assert.equal(text.match(/^From /gm)?.length, letters.length)
      for (const n of letters.keys()) assert.match(text, new RegExp(`^Zeile ${n}: äöü$`, 'm'))
    }
    const ran = await mustRun('mail.mailutils', ['-f', `imap://${user}@127.0.0.1:${ports.imap}/INBOX`], {
      cwd: folder,
      input: 'p 2\nx\n',
    })
    assert.match(ran.stdout, /Subject: letter 1/)
  })
})

test("Python's imap_tools: mailboxes, searches, flags, copies, moves, deletes, idles", async () => {
  const script = `
import sys, datetime
from imap_tools import MailBoxUnencrypted, AND, OR, NOT, H, U, A, MailMessageFlags as F
with MailBoxUnencrypted('127.0.0.1', int(sys.argv[1])).login(sys.argv[2], sys.argv[3]) as m:
    for name in ['it', 'it/ärger']: m.folder.create(name); assert m.folder.exists(name)
    m.folder.rename('it/ärger', 'it/neu'); m.folder.subscribe('it', True)
    assert [f.name for f in m.folder.list('it')] == ['it', 'it/neu']
    assert m.folder.status('INBOX')['MESSAGES'] == 6
    count = lambda c: len(list(m.fetch(c, charset='utf-8', mark_seen=False, bulk=True)))
    found = [count(c) for c in ['ALL', A(subject='letter'), A(flagged=True), OR(from_='bob', subject='x'),
        A(NOT(from_='bob'), date_gte=datetime.date(2020, 1, 1)), A(header=[H('Message-ID', 'small.1@')]),
        A(uid=U('3', '*')), A(size_gt=10, keyword='k'), A(text='äöü'), A(body='zeile 4')]]
    assert found == [6, 6, 0, 6, 0, 1, 4, 0, 6, 1], found
    last = next(m.fetch(reverse=True, limit=1)); assert last.subject == 'letter 5' and last.text == 'Zeile 5: äöü\\r\\n.dot\\r\\n'
    uids = m.uids(); m.copy(uids[:3], 'it'); m.flag(uids[:2], [F.ANSWERED, 'mine'], True)
    m.append(b'Subject: a\\r\\n\\r\\nb\\r\\n', 'it', dt=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc), flag_set=[F.SEEN, 'k'])
    m.folder.set('it'); assert count(A(keyword='k')) == 1
    m.move(m.uids()[:1], 'it/neu'); m.delete(m.uids()[:1]); assert len(m.uids()) == 2
    m.idle.start(); assert m.idle.poll(0.1) == []; m.idle.stop()
    m.folder.delete('it/neu')
    print('done')
`
  const { stdout } = await mustRun('/usr/bin/python3', [
    '-c',
    script,
    String(server.ports.imap),
    carol.address,
    carol.password,
  ])
  assert.equal(stdout, 'done\n')
})

test("Python's aiosmtplib: plain, STARTTLS and TLS; a recipient refused beside one taken; addresses in UTF-8", async () => {
  const script = `
import asyncio, sys
import aiosmtplib
from email.message import EmailMessage
plain, tls, user, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
async def main():
    for how in [dict(port=plain, start_tls=False), dict(port=plain, start_tls=True, validate_certs=False), dict(port=tls, use_tls=True, validate_certs=False)]:
        mail = EmailMessage(); mail['From'] = user; mail['To'] = 'bob@example.org, jürgen@example.org'; mail['Subject'] = 'aio ü'
        mail.set_content('hi ü\\n.\\n..dot\\n')
        refused, said = await aiosmtplib.send(mail, hostname='127.0.0.1', username=user, password=password, **how)
        print(list(refused), said.startswith('2.0.0 Ok: queued as'))
asyncio.run(main())
`
  const { ports } = server
  const { stdout } = await mustRun('/usr/bin/python3', [
    '-c',
    script,
    String(ports.submission),
    String(ports.submissions),
    alice.address,
    alice.password,
  ])
  assert.equal(stdout, "['jürgen@example.org'] True\n".repeat(3))
  const bodies = await eventually('three messages', async () => {
    const found = await readMailbox(ports.imap, bob)
    const mine = found.filter(({ source }) => /^Subject: (?:aio|=\?utf-8\?.*aio)/im.test(source.toString()))
    return mine.length === 3 ? mine.map(({ source }) => source.toString()) : undefined
  })
  for (const body of bodies) assert.match(body, /hi (?:ü|=C3=BC)\r\n\.\r\n\.\.dot\r\n/)
})
