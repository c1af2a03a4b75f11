import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import type { Store } from '@posthorn/storage'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load-config.ts'
import { withCatchAll } from '../in-tests/catch-all.ts'
import { type ArrivalsWanted, ReceivedMail, type ReceivedMessage } from '../in-tests/received-mail.ts'
import { composeServer } from './compose.ts'
import { prepareDataFolder } from './data-folder.ts'
import type { ListeningPlace } from './listeners.ts'
import type { MailServerPorts } from './ports.ts'

export interface MailServerOptions {
  /** main.cf's parameters; they come before anything else that is configured. */
  readonly parameters?: Readonly<Record<string, string>>
  /** The text of a master.cf beside main.cf. */
  readonly masterCf?: string
  /** Accounts made before the server listens. */
  readonly accounts?: readonly { readonly address: string; readonly password: string }[]
  /**
   * One of the accounts: it gets whatever is for anybody else, in whatever domain, and nothing is sent to other hosts. For programs
   * under test that write to real people.
   */
  readonly catchAll?: string
  /** Kept after `stop`. Default: a temporary folder, removed by `stop`. */
  readonly dataFolder?: string
  /** Answers DNS questions, for instance from a zone file. Default: this machine's resolver. */
  readonly resolver?: Resolver
  /** Default: nothing is logged. */
  readonly log?: Log
  /** ms since 1970. */
  readonly now?: () => number
}

export interface MailServer {
  /** Each service listens on a free port of 127.0.0.1. */
  readonly ports: MailServerPorts
  /** Every listener; those of master.cf by `service/type`. */
  readonly places: readonly ListeningPlace[]
  readonly store: Store
  /** Of POP3 and IMAP, self-signed unless configured. */
  readonly certificatePem: string
  readonly dataFolder: string
  addAccount(address: string, password: string): Promise<void>
  /**
   * Messages in a mailbox of an account (INBOX by default), parsed.
   * @throws StoreError 'no-such-account', 'no-such-mailbox'
   */
  messages(address: string, mailbox?: string): Promise<readonly ReceivedMessage[]>
  /** As `messages`, as soon as there are so many. @throws Error when the time is over, naming what has come */
  arrivals(address: string, wanted?: ArrivalsWanted): Promise<readonly ReceivedMessage[]>
  /** Removes all messages, and what waits in the queue, for the next test. Accounts and mailboxes stay. */
  clear(): Promise<void>
  reload(parameters: Readonly<Record<string, string>>, masterCf?: string): Promise<void>
  /** As `reload`, with these parameters alone: what was set before is not. */
  configure(parameters: Readonly<Record<string, string>>): Promise<void>
  stop(): Promise<void>
}

/** A main.cf of its own, so that commands of the shell work on the folder too, and nothing of the machine's is read. */
function configOf(
  dataFolder: string,
  parameters: Readonly<Record<string, string>>,
  masterCf?: string,
): Config {
  const file = join(dataFolder, 'main.cf')
  const settings = {
    data_directory: dataFolder,
    inet_interfaces: '127.0.0.1',
    sample_accounts: 'no',
    ...parameters,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
  writeFileSync(file, `# Made by startMailServer.\n${lines.join('')}`)
  if (masterCf !== undefined) writeFileSync(join(dataFolder, 'master.cf'), masterCf)
  return loadConfig({ environment: {}, configOption: file })
}

/**
 * The whole server in this process, for tests of mail programs: SMTP, submission, POP3 and IMAP on free
 * ports of 127.0.0.1, with a store of its own. `stop` leaves nothing behind.
 */
export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), 'posthorn-'))
  const removeFolder = (): void => {
    if (options.dataFolder === undefined) rmSync(dataFolder, { recursive: true, force: true })
  }
  try {
    let parameters = options.parameters ?? {}
    const known = new Set(options.accounts?.map(({ address }) => address))
    const config = (masterCf = options.masterCf): Config =>
      configOf(
        dataFolder,
        options.catchAll === undefined ? parameters : withCatchAll(parameters, options.catchAll, known),
        masterCf,
      )
    const folder = prepareDataFolder(dataFolder)
    const server = await composeServer({
      config: config(),
      folder,
      log: options.log ?? (() => {}),
      ...(options.resolver === undefined ? {} : { resolver: options.resolver }),
      ...(options.now === undefined ? {} : { now: options.now }),
      portOf: () => 0,
    })
    for (const account of options.accounts ?? []) await server.accounts.create(account)
    const received = new ReceivedMail(server.store)
    return {
      ports: server.ports,
      places: server.places,
      store: server.store,
      certificatePem: server.certificatePem,
      dataFolder,
      addAccount: async (address, password) => {
        await server.accounts.create({ address, password })
        known.add(address)
        if (options.catchAll !== undefined) await server.reload(config())
      },
      messages: (address, mailbox) => received.messages(address, mailbox),
      arrivals: (address, wanted) => received.arrivals(address, wanted),
      clear: () => received.clear(),
      reload: async (changed, masterCf) => {
        parameters = { ...parameters, ...changed }
        await server.reload(config(masterCf))
      },
      configure: async (only) => {
        parameters = only
        await server.reload(config())
      },
      stop: async () => {
        await server.stop()
        removeFolder()
      },
    }
  } catch (error) {
    removeFolder()
    throw error
  }
}
