/** A whole server for one row of what administrators expect, and what arrives in its mailboxes. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { type MailServer, type MailServerOptions, startMailServer } from '@posthorn/server'
import type { ImapTalk, SmtpTalk } from './dialogue.ts'
import { alice, bob, eventually } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'

export interface Site {
  readonly server: MailServer
  readonly log: readonly string[]
  /** Writes a file of the site; gives its path. */
  readonly file: (name: string, text: string) => string
}

/** A server for one row. The client is a stranger unless mynetworks says otherwise. */
export async function site(
  t: TestContext,
  parameters: (file: Site['file']) => Readonly<Record<string, string>> = () => ({}),
  more: Pick<MailServerOptions, 'now' | 'accounts' | 'masterCf'> = {},
): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-site-'))
  const file = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text, { mode: 0o640 })
    chmodSync(path, 0o640)
    return path
  }
  const log: string[] = []
  const server = await startMailServer({
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org',
      myorigin: 'example.org',
      mynetworks: '192.0.2.0/24',
      disable_plaintext_auth: 'no',
      smtpd_tls_auth_only: 'no',
      alias_maps: '',
      ...parameters(file),
    },
    accounts: [alice, bob],
    ...more,
    log: ({ queueId, text, service }: LogEvent) =>
      log.push(`${service}: ${queueId === undefined ? '' : `${queueId}: `}${text}`),
  })
  t.after(async () => {
    for (const talk of talks.splice(0)) talk.wire.close()
    await server.stop()
    rmSync(folder, { recursive: true })
  })
  return { server, log, file }
}

const talks: (SmtpTalk | ImapTalk)[] = []
/** Closed before its server stops, which waits for a client in the middle of a transaction. */
export const closing = (talk: SmtpTalk | ImapTalk): number => talks.push(talk)

export const letter = (subject: string): string => `Subject: ${subject}\r\n\r\nhello\r\n`

export async function arrives(
  { server }: Pick<Site, 'server'>,
  user: typeof alice,
  subject: string,
): Promise<string> {
  return await eventually(`"${subject}" for ${user.address}`, async () =>
    (await readMailbox(server.ports.imap, user))
      .map(({ source }) => source.toString('latin1'))
      .find((text) => text.includes(`Subject: ${subject}\r\n`)),
  )
}
