/** A site made of the very lines that a guide has its readers write: main.cf, master.cf, tables. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import { type MailServer, type MailServerOptions, startMailServer } from '@posthorn/server'
import { parseMainCf } from '../../packages/server/src/config/main-cf.ts'
import { type Heard, startOtherServer } from '../other-server.ts'
import { SmtpTalk } from './dialogue.ts'
import { alice, bob, eventually } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'

export interface Guide {
  /** `/etc/postfix` stands for the folder of the files. */
  readonly mainCf: string
  readonly masterCf?: string
  /** By name below `/etc/postfix`. */
  readonly files?: Readonly<Record<string, string>>
  readonly options?: Pick<MailServerOptions, 'accounts' | 'now' | 'resolver'>
}

export interface GuideSite {
  readonly server: MailServer
  readonly folder: string
  readonly log: readonly string[]
  /** By the service's name in master.cf; the connection is closed at the end. */
  talk(service?: string, hello?: string): Promise<SmtpTalk>
  portOf(service: string): number
}

export async function followGuide(t: TestContext, guide: Guide): Promise<GuideSite> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-guide-'))
  chmodSync(folder, 0o755)
  const here = (text: string): string => text.replaceAll('/etc/postfix', folder)
  for (const [name, text] of Object.entries(guide.files ?? {})) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), here(text))
    chmodSync(join(folder, name), /passw/.test(name) ? 0o600 : 0o644)
  }
  const { entries, problems } = parseMainCf(here(guide.mainCf))
  assert.deepEqual(problems, [])
  const log: string[] = []
  const server = await startMailServer({
    accounts: [alice, bob],
    ...guide.options,
    parameters: {
      ...Object.fromEntries(entries.map(({ name, value }) => [name, value])),
      inet_interfaces: '127.0.0.1',
      smtpd_peername_lookup: 'no',
    },
    ...(guide.masterCf === undefined ? {} : { masterCf: here(guide.masterCf) }),
    log: ({ queueId, text, service }: LogEvent) =>
      log.push(`${service}: ${queueId === undefined ? '' : `${queueId}: `}${text}`),
  })
  const talks: SmtpTalk[] = []
  t.after(async () => {
    for (const talk of talks) talk.wire.close()
    await server.stop()
    rmSync(folder, { recursive: true })
  })
  const portOf = (service: string): number => {
    const found = server.places.find(({ key }) => key === `${service}/inet`)
    assert.ok(found, `nobody listens for ${service}`)
    return found.port
  }
  return {
    server,
    folder,
    log,
    portOf,
    talk: async (service, hello) => {
      const talk = await SmtpTalk.open(service === undefined ? server.ports.smtp : portOf(service), hello)
      talks.push(talk)
      return talk
    },
  }
}

/** What is in a mailbox when this message has come, by subject. */
export async function subjectsOf(
  { server }: Pick<GuideSite, 'server'>,
  user: { readonly address: string; readonly password: string },
  until: string,
): Promise<readonly string[]> {
  return await eventually(`"${until}" for ${user.address}`, async () => {
    const all = (await readMailbox(server.ports.imap, user)).map(
      ({ source }) => /^Subject: (.*?)\r?$/m.exec(source.toString('latin1'))?.[1] ?? '',
    )
    return all.includes(until) ? all.toSorted() : undefined
  })
}

/** In the INBOX of whoever need not have a password. */
export async function messagesOf({ server }: Pick<GuideSite, 'server'>, address: string): Promise<number> {
  const account = await server.store.accounts.find(address)
  if (account === undefined) return 0
  return (await server.store.mailboxes.find(account.id, 'INBOX'))?.messages ?? 0
}

/** Until the test ends. */
export async function otherServer(t: TestContext, onMail?: (mail: Heard) => Promise<void>) {
  const server = await startOtherServer(onMail)
  t.after(server.close)
  return server
}
