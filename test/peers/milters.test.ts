import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { bob, eventually, startForClients } from '../clients/mail-server.ts'
import { readMailbox } from '../clients/mailbox-reader.ts'
import { runClient } from '../clients/run-client.ts'
import { type Daemon, startDaemon } from './daemon.ts'

/** Debian's filters, by the milter protocol: W3 and P21 of docs/parity.md. */
const folder = mkdtempSync(join(tmpdir(), 'posthorn-milters-'))
const running: (() => Promise<void>)[] = []
after(async () => {
  for (const stop of running.reverse()) await stop()
  rmSync(folder, { recursive: true, force: true })
})

const place = (name: string): string => join(folder, name)
const write = (name: string, text: string): string => {
  writeFileSync(place(name), text, { mode: 0o600 })
  return place(name)
}

async function daemon(program: string, args: readonly string[], socket: string): Promise<Daemon> {
  const started = await startDaemon(program, args, place(socket), place(`${socket}.log`))
  running.push(started.stop)
  return started
}

async function site(milters: string, over: Readonly<Record<string, string>> = {}): Promise<MailServer> {
  const server = await startForClients({ smtpd_milters: milters, ...over })
  running.push(() => server.stop())
  return server
}

const swaks = (server: MailServer, ...more: readonly string[]) =>
  runClient('swaks', [
    ...['--server', '127.0.0.1', '--port', String(server.ports.smtp), '--helo', 'mail.stranger.test'],
    ...['--from', 'carol@stranger.test', '--to', bob.address, ...more],
  ])

const received = async (server: MailServer, mark: string): Promise<string> =>
  await eventually(`the message with ${mark}`, async () => {
    const messages = await readMailbox(server.ports.imap, bob)
    return messages.map((message) => message.source.toString('latin1')).find((text) => text.includes(mark))
  })

const gtube = (first: string) => `${first}JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X`

test('rspamd: spam is refused, marked, or has its subject changed; the rest is left alone', async () => {
  mkdirSync(place('none'))
  const configuration = write(
    'rspamd.conf',
    `lua = "/usr/share/rspamd/rules/rspamd.lua"
options {
  pidfile = "${place('rspamd.pid')}"; tempdir = "${folder}"; cores_dir = "${folder}"; rrd = "";
  url_tld = "${write('tld', 'com\norg\ntest\n')}"; hs_cache_dir = "${folder}"; stats_file = "${place('stats.ucl')}";
  control_socket = "${place('control')} mode=0600";
  dns { nameserver = ["127.0.0.1:1"]; timeout = 1s; retransmits = 1; }
  filters = ""; enable_test_patterns = true;
}
logging { type = "file"; filename = "${place('rspamd.log')}"; level = "warning"; }
modules { path = "${place('none')}"; }
actions { reject = 15; add_header = 6; rewrite_subject = 8; subject = "[SPAM] %s"; greylist = 1000; }
worker "rspamd_proxy" {
  bind_socket = "${place('rspamd')} mode=0666"; milter = yes; timeout = 20s; count = 1;
  upstream "local" { default = yes; self_scan = yes; }
}
`,
  )
  const args = ['-f', '-c', configuration]
  await daemon('rspamd', process.getuid?.() === 0 ? [...args, '-i'] : args, 'rspamd')
  const server = await site(`unix:${place('rspamd')}`)
  const refused = await swaks(server, '--body', gtube('X'))
  assert.match(refused.stdout, /554 5\.7\.1 Gtube pattern/)
  await swaks(server, '--header', 'Subject: offer', '--body', gtube('Z'))
  assert.match(await received(server, 'ZJS*'), /^Subject: \[SPAM\] offer\r$/m)
  await swaks(server, '--body', gtube('Y'))
  assert.match(await received(server, 'YJS*'), /^X-Spam: Yes\r$/m)
  await swaks(server, '--body', 'dinner at eight')
  assert.doesNotMatch(await received(server, 'dinner at eight'), /X-Spam/)
  assert.equal((await readMailbox(server.ports.imap, bob)).length, 3)
})

test('opendkim: one signs what the next finds good, and what is stored is still good', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const key = write('dkim.key', privateKey)
  const keys = write(
    'dkim.keys',
    `s1._domainkey.stranger.test v=DKIM1; k=rsa; p=${publicKey.toString('base64')}\n`,
  )
  const common = 'Syslog no\nBackground no\nUMask 002\nCanonicalization simple/simple\n'
  const sign = write(
    'sign.conf',
    `${common}Mode s\nSocket local:${place('sign')}\nDomain stranger.test\nSelector s1\nKeyFile ${key}\nRequireSafeKeys no\n`,
  )
  const verify = write(
    'verify.conf',
    `${common}Mode v\nSocket local:${place('verify')}\nTestPublicKeys ${keys}\nInternalHosts ${write('internal', '192.0.2.1\n')}\nAuthservID mail.example.org\nAlwaysAddARHeader yes\n`,
  )
  await daemon('opendkim', ['-f', '-x', sign], 'sign')
  await daemon('opendkim', ['-f', '-x', verify], 'verify')
  const server = await site(`unix:${place('sign')}, unix:${place('verify')}`)
  const text =
    'From: carol@stranger.test\r\nSubject: two\r\n  lines\r\nX-Odd:none\r\n\r\n..dots \r\n\r\nend  \r\n\r\n'
  const message = write('message', text)
  const first = await swaks(server, '--data', `@${message}`)
  assert.match(first.stdout, /250 2\.0\.0 Ok: queued as/)
  const signed = await received(server, 'X-Odd:none')
  assert.match(signed, /^DKIM-Signature: v=1; a=rsa-sha256; c=simple\/simple; d=stranger\.test;/m)
  assert.match(signed, /^Authentication-Results: mail\.example\.org;[\s\S]*?dkim=pass/m)
  const again = await site(`unix:${place('verify')}`)
  const below = signed.slice(signed.indexOf('DKIM-Signature:'))
  await swaks(again, '--data', `@${write('again', below)}`)
  assert.match(await received(again, 'X-Odd:none'), /^Authentication-Results:[\s\S]*?dkim=pass/m)
  await swaks(again, '--data', `@${write('forged', below.replace('end', 'END'))}`)
  assert.match(await received(again, 'END'), /^Authentication-Results:[\s\S]*?dkim=fail/m)
})

test('clamav-milter with clamd: EICAR is refused in a part of a message, the rest comes through', async () => {
  mkdirSync(place('signatures'))
  write('signatures/own.hdb', '44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature\n')
  const scanner = write(
    'clamd.conf',
    `LocalSocket ${place('clamd')}\nDatabaseDirectory ${place('signatures')}\nForeground yes\nTemporaryDirectory ${folder}\n`,
  )
  await daemon('clamd', ['-c', scanner], 'clamd')
  const filter = write(
    'clamav-milter.conf',
    `MilterSocket unix:${place('clamav')}\nClamdSocket unix:${place('clamd')}\nOnInfected Reject\nRejectMsg Virus found: %v\nForeground yes\nTemporaryDirectory ${folder}\nAddHeader Replace\n`,
  )
  await daemon('clamav-milter', ['-c', filter], 'clamav')
  const server = await site(`{ unix:${place('clamav')}, default_action=accept }`)
  const virus = ['X5O!P%@AP[4', 'PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('\\')
  const attached = await swaks(server, '--body', 'look', '--attach', `@${write('virus.com', virus)}`)
  assert.match(attached.stdout, /550 5\.7\.1 Virus found: Eicar-Test-Signature/)
  await swaks(server, '--body', 'all is well', '--attach', `@${write('letter.txt', 'a letter')}`)
  assert.match(await received(server, 'all is well'), /^X-Virus-Scanned: /m)
  assert.equal((await readMailbox(server.ports.imap, bob)).length, 1)
})

test('spamass-milter without its spamd: mail goes on; a filter that has gone obeys milter_default_action', async () => {
  const spam = await daemon(
    'spamass-milter',
    ['-p', place('spamass'), '--', '-U', place('no-spamd'), '-t', '2'],
    'spamass',
  )
  const server = await site(`{ unix:${place('spamass')}, command_timeout=20s }`)
  const passed = await swaks(server, '--body', 'no spamd here')
  assert.match(passed.stdout, /250 2\.0\.0 Ok: queued as/)
  await received(server, 'no spamd here')
  await spam.stop()
  const later = await swaks(server, '--body', 'nobody there')
  assert.match(later.stdout, /451 4\.7\.1 Service unavailable - try again later/)
  const open = await site(`unix:${place('spamass')}`, { milter_default_action: 'accept' })
  await swaks(open, '--body', 'never mind')
  await received(open, 'never mind')
})
