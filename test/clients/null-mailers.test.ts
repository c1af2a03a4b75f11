/**
 * Programs that hand a machine's mail to a server and keep none: nullmailer and sSMTP. As packages they would take the
 * place of Postfix, so they are unpacked instead: `apt-get download nullmailer ssmtp`, then `dpkg -x FILE /opt/null-mailers`.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'
import { inFolder, mustRun, runClient } from './run-client.ts'

const nullmailer = '/opt/null-mailers/usr/lib/nullmailer/smtp'
const ssmtp = '/opt/null-mailers/usr/sbin/ssmtp'
const missing = [nullmailer, ssmtp].every((path) => existsSync(path)) ? false : 'not on this machine'
const carol = { address: 'carol@example.org', password: 'pw-carol' }
const text = 'Zeile: äöü\n.dot\n..\n.\nend\n'

describe('null mailers', { skip: missing }, () => {
  let server: MailServer
  before(async () => {
    server = await startForClients({ auth_failure_delay: '0' })
    await server.addAccount(carol.address, carol.password)
  })
  after(async () => await server.stop())

  async function arrived(subject: string): Promise<string> {
    return await eventually(subject, async () =>
      (await readMailbox(server.ports.imap, bob))
        .map(({ source }) => source.toString())
        .find((source) => source.includes(`\nSubject: ${subject}\r\n`)),
    )
  }

  /** Its options come on its standard input, envelope and message on descriptor 3. */
  async function handOn(
    options: readonly string[],
    recipients: readonly string[],
    subject: string,
  ): Promise<{ readonly code: number | null; readonly said: string }> {
    return await inFolder(async (folder) => {
      const file = join(folder, 'queued')
      const letter = `From: ${carol.address}\nSubject: ${subject}\n\n${text}`
      writeFileSync(file, `${[carol.address, ...recipients].join('\n')}\n\n${letter}`)
      const descriptor = openSync(file, 'r')
      const child = spawn(nullmailer, [], {
        env: { HELOHOST: 'null.example.org' },
        stdio: ['pipe', 'pipe', 'pipe', descriptor],
        timeout: 60_000,
      })
      closeSync(descriptor)
      let said = ''
      child.stdout?.on('data', (chunk: Buffer) => (said += chunk))
      child.stderr?.on('data', (chunk: Buffer) => (said += chunk))
      child.stdin?.end(`${['host=127.0.0.1', 'insecure', ...options].join('\n')}\n\n`)
      const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
      return { code, said }
    })
  }

  const login = [`user=${carol.address}`, `pass=${carol.password}`]
  for (const [how, options] of [
    ['STARTTLS', () => [`port=${server.ports.submission}`, 'starttls', ...login]],
    [
      'STARTTLS and AUTH LOGIN',
      () => [`port=${server.ports.submission}`, 'starttls', 'auth-login', ...login],
    ],
    ['TLS from the start', () => [`port=${server.ports.submissions}`, 'tls', ...login]],
    ['port 25, without a login', () => [`port=${server.ports.smtp}`]],
  ] as const)
    test(`nullmailer: ${how}`, async () => {
      const { code, said } = await handOn(options(), [bob.address, carol.address], `null, ${how}`)
      assert.equal(code, 0, said)
      const source = await arrived(`null, ${how}`)
      assert.ok(source.endsWith(`\r\n\r\n${text.replaceAll('\n', '\r\n')}`), source)
      assert.match(source, /Received: from null\.example\.org /)
    })

  test('nullmailer: what is refused is told apart from what is to be tried again', async () => {
    const port = `port=${server.ports.smtp}`
    const unknown = await handOn([port], ['nobody@example.org'], 'unknown')
    // 32 and above: for ever (its lib/errcodes.h).
    assert.ok((unknown.code ?? 0) >= 32, String(unknown.code))
    assert.match(unknown.said, /550 5\.1\.1 <nobody@example\.org>: Recipient address rejected/)
    const stranger = await handOn([port], ['someone@example.net'], 'relay')
    assert.match(stranger.said, /454 4\.7\.1|554 5\.7\.1/)
    const wrong = await handOn(
      [`port=${server.ports.submission}`, 'starttls', `user=${carol.address}`, 'pass=wrong'],
      [bob.address],
      'wrong',
    )
    assert.match(wrong.said, /535 5\.7\.8/)
  })

  test('sSMTP: STARTTLS and AUTH LOGIN, a wrong password, an unknown recipient', async () => {
    await inFolder(async (folder) => {
      const configured = (password: string): string => {
        const file = join(folder, `${password}.conf`)
        writeFileSync(
          file,
          `mailhub=127.0.0.1:${server.ports.submission}\nAuthUser=${carol.address}\nAuthPass=${password}\n` +
            'UseSTARTTLS=YES\nFromLineOverride=YES\nhostname=null.example.org\n',
          { mode: 0o600 },
        )
        return file
      }
      const input = `From: ${carol.address}\nTo: ${bob.address}\nSubject: by sSMTP\n\n${text}`
      const send = (password: string, to: string) =>
        [ssmtp, ['-C', configured(password), `-f${carol.address}`, to], { input, cwd: folder }] as const
      await mustRun(...send(carol.password, bob.address))
      const source = await arrived('by sSMTP')
      assert.ok(source.endsWith(`\r\n\r\n${text.replaceAll('\n', '\r\n')}`), source)
      assert.match(source, /\(using TLSv1\.3 /)
      const unknown = await runClient(...send(carol.password, 'nobody@example.org'))
      assert.equal(unknown.code, 1)
      assert.match(unknown.stderr, /550 5\.1\.1 <nobody@example\.org>/)
      const wrong = await runClient(...send('wrong', bob.address))
      assert.equal(wrong.code, 1)
      assert.match(wrong.stderr, /Authorization failed \(535 5\.7\.8/)
    })
  })
})
