import { createHash } from 'node:crypto'
import { systemFlag } from '@posthorn/storage'
import { type FetchMessageObject, ImapFlow, type ListResponse } from 'imapflow'
import { withCrlf } from './line-ends.ts'
import { type MailSource, SourceError, type SourceMailbox, type SourceMessage } from './source.ts'

export interface ImapSourceOptions {
  readonly host: string
  readonly port: number
  readonly security: 'tls' | 'starttls' | 'plain'
  /** 'any' = the certificate is not looked at. */
  readonly certificate: 'verified' | 'any'
  readonly user: string
  readonly password: string
}

/** How often a broken connection is made anew before it counts as down. */
const maxAttempts = 5
const attemptPauseMs = 2_000

/** A living IMAP server. Mailboxes are only examined: nothing is marked as read there. */
export async function createImapSource(options: ImapSourceOptions): Promise<MailSource> {
  const connection = new SourceConnection(options)
  const client = await connection.client()
  const capabilities = [...client.capabilities.keys()].length
  return {
    identity: `imap ${options.user}@${options.host}:${options.port}`,
    title: `${options.user} at ${options.host} (${capabilities} capabilities)`,
    mailboxes: async () => {
      const { list, personal, others } = await connection.use(async (use) => ({
        list: await use.list(),
        personal: use.namespaces?.personal?.[0]?.prefix ?? '',
        others: [...(use.namespaces?.other || []), ...(use.namespaces?.shared || [])],
      }))
      // What is not the user's own stays where it is. RFC 2342 §5.
      const isOthers = ({ path }: ListResponse): boolean =>
        others.some(({ prefix }) => prefix !== '' && prefix !== personal && path.startsWith(prefix))
      return list
        .filter(({ flags }) => !flags.has('\\Noselect') && !flags.has('\\NonExistent'))
        .filter((entry) => !isOthers(entry))
        .map((entry) => imapMailbox(connection, entry, nameHere(entry, personal)))
    },
    close: () => connection.close(),
  }
}

class SourceConnection {
  readonly #options: ImapSourceOptions
  #client: ImapFlow | undefined

  constructor(options: ImapSourceOptions) {
    this.#options = options
  }

  async client(): Promise<ImapFlow> {
    if (this.#client?.usable) return this.#client
    const { host, port, security, certificate, user, password } = this.#options
    const client = new ImapFlow({
      host,
      port,
      secure: security === 'tls',
      doSTARTTLS: security === 'starttls',
      tls: { rejectUnauthorized: certificate === 'verified' },
      auth: { user, pass: password },
      logger: false,
      disableAutoIdle: true,
    })
    // Without a listener it would end the program; the call that fails says the same.
    client.on('error', () => undefined)
    try {
      await client.connect()
    } catch (error) {
      throw new SourceError(`${host}:${port}: ${connectProblem(error)}`)
    }
    this.#client = client
    return client
  }

  /** Again after a broken connection. @throws SourceError when it breaks each time */
  async use<T>(work: (client: ImapFlow) => Promise<T>, attempts = maxAttempts): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const client = await this.client()
      try {
        return await work(client)
      } catch (error) {
        if (client.usable) throw error
        const { host, port } = this.#options
        if (attempt >= attempts)
          throw new SourceError(`${host}:${port} ends the connection: ${connectProblem(error)}`)
        await new Promise((resolve) => setTimeout(resolve, attemptPauseMs))
      }
    }
  }

  async close(): Promise<void> {
    if (this.#client?.usable) await this.#client.logout().catch(() => undefined)
  }
}

function connectProblem(error: unknown): string {
  const { authenticationFailed, responseText, message, code } = error as {
    authenticationFailed?: boolean
    responseText?: string
    message: string
    code?: string
  }
  if (authenticationFailed === true) return `login refused: ${responseText ?? message}`
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return 'no TLS from the first octet there (--security starttls, or plain)'
  return code === 'DEPTH_ZERO_SELF_SIGNED_CERT' || code === 'SELF_SIGNED_CERT_IN_CHAIN'
    ? `${message} (--insecure takes any certificate)`
    : message
}

function imapMailbox(connection: SourceConnection, entry: ListResponse, name: string): SourceMailbox {
  const numbers = { uidValidity: 0, uidNext: 0 }
  return {
    name,
    subscribed: entry.subscribed || entry.path.toUpperCase() === 'INBOX',
    specialUse: entry.specialUse,
    get numbers() {
      return numbers.uidValidity === 0 ? undefined : numbers
    },
    async list() {
      const listed = (size: boolean) =>
        connection.use(async (client) => {
          const status = await client.mailboxOpen(entry.path, { readOnly: true })
          numbers.uidValidity = Number(status.uidValidity)
          numbers.uidNext = status.uidNext
          return status.exists === 0 ? [] : await listMessages(client, numbers.uidValidity, size)
        })
      // For a size the server may have to read a message, and fail at it.
      const messages = await listed(true).catch((error: unknown) => {
        if (error instanceof SourceError) return listed(false)
        throw error
      })
      return messages.sort((a, b) => (a.uid ?? 0) - (b.uid ?? 0))
    },
    async *read(messages) {
      const octets = await readAll(connection, entry.path, messages)
      for (const message of messages) {
        const found = octets.get(message.uid ?? 0)
        if (found !== undefined) yield { message, octets: withCrlf(found) }
      }
    },
  }
}

async function listMessages(client: ImapFlow, uidValidity: number, size: boolean): Promise<SourceMessage[]> {
  const messages: SourceMessage[] = []
  const want = { uid: true, flags: true, internalDate: true, ...(size && { size }) } as const
  for await (const found of client.fetch('1:*', want)) messages.push(sourceMessage(uidValidity, found))
  return messages
}

/** A message that the server fails at is left out, not what stands beside it. */
async function readAll(
  connection: SourceConnection,
  path: string,
  messages: readonly SourceMessage[],
  attempts = maxAttempts,
): Promise<ReadonlyMap<number, Buffer>> {
  try {
    return await connection.use((client) => fetchOctets(client, path, messages), attempts)
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    // A server that is down fails at all of them.
    await connection.client()
  }
  if (messages.length < 2) return new Map()
  const half = messages.length >>> 1
  return new Map([
    ...(await readAll(connection, path, messages.slice(0, half), 1)),
    ...(await readAll(connection, path, messages.slice(half), 1)),
  ])
}

async function fetchOctets(client: ImapFlow, path: string, messages: readonly SourceMessage[]) {
  const open = client.mailbox
  if (open === false || open.path !== path) await client.mailboxOpen(path, { readOnly: true })
  const uids = messages.map(({ uid }) => uid).join(',')
  const octets = new Map<number, Buffer>()
  for await (const found of client.fetch(uids, { uid: true, source: true }, { uid: true })) {
    if (found.source !== undefined) octets.set(found.uid, found.source)
  }
  return octets
}

/** Without the prefix that all mailboxes of the user have there (`INBOX.`): here they have none. */
function nameHere({ path, delimiter }: ListResponse, prefix: string): string {
  if (path.toUpperCase() === 'INBOX') return 'INBOX'
  const hasPrefix = prefix !== '' && path.toUpperCase().startsWith(prefix.toUpperCase())
  const rest = hasPrefix ? path.slice(prefix.length) : path
  const own = rest === '' || rest.toUpperCase() === 'INBOX' ? path : rest
  const levels = delimiter === undefined || delimiter === '' ? [own] : own.split(delimiter)
  return levels.map((level) => level.replaceAll('/', '_')).join('/')
}

const systemFlags: Readonly<Record<string, number>> = {
  '\\seen': systemFlag.seen,
  '\\answered': systemFlag.answered,
  '\\flagged': systemFlag.flagged,
  '\\deleted': systemFlag.deleted,
  '\\draft': systemFlag.draft,
}

function sourceMessage(uidValidity: number, found: FetchMessageObject): SourceMessage {
  const flags = [...(found.flags ?? [])]
  const date = found.internalDate
  return {
    key: createHash('sha256').update(`${uidValidity} ${found.uid}`).digest('base64url').slice(0, 22),
    uid: found.uid,
    system: flags.reduce((sum, flag) => sum | (systemFlags[flag.toLowerCase()] ?? 0), 0),
    keywords: flags.filter((flag) => !flag.startsWith('\\')),
    internalDateMs: date === undefined ? Date.now() : new Date(date).getTime(),
    sizeBytes: found.size ?? 0,
  }
}
