/** Programs of the machine that hand mail to the sendmail command. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { MailServer } from '@posthorn/server'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'
import { inFolder, mustRun } from './run-client.ts'

const sendmail = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'bin', 'sendmail')
let server: MailServer
before(async () => {
  server = await startForClients()
})
after(async () => await server.stop())

const env = (): Record<string, string> => ({ POSTHORN_CONFIG: join(server.dataFolder, 'main.cf') })

async function arrived(subject: string): Promise<string> {
  return await eventually(`"${subject}"`, async () =>
    (await readMailbox(server.ports.imap, bob))
      .map(({ source }) => source.toString())
      .find((text) => text.includes(`Subject: ${subject}\r\n`)),
  )
}

test('U2: mail -s subject address, text from a pipe and from a file, another sender', async () => {
  await inFolder(async (folder) => {
    const mail = ['-n', '-S', `mta=${sendmail}`, '-S', 'sendwait']
    const call = { env: env(), cwd: folder }
    await mustRun('s-nail', [...mail, '-s', 'by mail', bob.address], { ...call, input: 'one\n.two\n' })
    assert.match(await arrived('by mail'), /\r\n\r\none\r\n\.two\r\n/)
    await mustRun('s-nail', [...mail, '-r', alice.address, '-s', 'by mailx', bob.address], {
      ...call,
      input: 'x\n',
    })
    assert.match(await arrived('by mailx'), /^Return-Path: <alice@example\.org>\r\n/)
  })
})

test('U5: mutt -s -a: an attachment through sendmail, octet for octet', async () => {
  await inFolder(async (folder) => {
    const octets = Buffer.from(Array.from({ length: 3_000 }, (_, n) => (n * 7) % 256))
    writeFileSync(join(folder, 'octets.bin'), octets)
    await mustRun(
      'mutt',
      [
        ...['-n', '-F', '/dev/null', '-e', `set sendmail="${sendmail} -oem -oi" sendmail_wait=0 copy=no`],
        ...['-e', `set from=${alice.address} use_envelope_from=yes`],
        ...['-s', 'by mutt', '-a', join(folder, 'octets.bin'), '-c', alice.address, '--', bob.address],
      ],
      { env: env(), cwd: folder, input: 'see the attachment\n' },
    )
    const text = await arrived('by mutt')
    assert.match(text, /\r\nCc: alice@example\.org\r\n/)
    const encoded = /\r\nContent-Transfer-Encoding: base64\r\n\r\n([A-Za-z0-9+/=\r\n]+)\r\n--/.exec(text)?.[1]
    assert.deepEqual(Buffer.from(encoded ?? '', 'base64'), octets)
    const copies = await readMailbox(server.ports.imap, alice)
    assert.equal(copies.length, 1)
  })
})

test('sendmail -bs: a program speaks SMTP over a pipe', async () => {
  const child = spawn(sendmail, ['-bs'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env() },
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const say = async (text: string): Promise<string> => {
    child.stdin.write(text)
    let line = ''
    do line = String((await lines.next()).value)
    while (line[3] === '-')
    return line
  }
  assert.match(await say(''), /^220 /)
  assert.match(await say('EHLO pipe\r\n'), /^250 /)
  assert.match(await say('MAIL FROM:<a@far.test>\r\n'), /^250 /)
  assert.match(await say(`RCPT TO:<${bob.address}>\r\n`), /^250 /)
  assert.match(await say('DATA\r\n'), /^354 /)
  assert.match(await say('Subject: over a pipe\r\n\r\nhi\r\n.\r\n'), /^250 2\.0\.0 Ok: queued as /)
  assert.match(
    await arrived('over a pipe'),
    /^Return-Path: <a@far\.test>[\s\S]*from userid \d+\)[\s\S]*^Received: from pipe \(localhost \[127\.0\.0\.1\]\)/m,
  )
  const ended = once(child, 'exit')
  // Who hangs up without QUIT is let go.
  child.stdin.end()
  assert.deepEqual(await ended, [0, null])
})
