import type { MailFrom, RcptTo } from '../handler.ts'
import { DotStuffer } from '../wire/dot-stuffer.ts'
import { isFailure, type Told } from './awaited-replies.ts'
import { mailLine, rcptLine, xforwardLines } from './command-lines.ts'
import { RemoteConnection } from './connection.ts'
import type { SmtpFailure, Stage } from './failure.ts'
import { shakeHands } from './handshake.ts'
import { openSocket } from './open-socket.ts'
import type { SmtpClientOptions, SmtpServerAddress } from './options.ts'
import type { ForwardedClient } from './outgoing-mail.ts'

/** A content filter that is asked command by command while its client waits. Postfix: SMTPD_PROXY_README. */
export interface ProxyFilter {
  mail(from: MailFrom): Promise<Told>
  rcpt(recipient: RcptTo): Promise<Told>
  data(): Promise<Told>
  /** After 354. A promise asks to wait. */
  write(chunk: Uint8Array): Promise<unknown> | undefined
  /** The final dot. */
  end(): Promise<Told>
  /** QUIT between messages; in the middle of one the connection is cut, so that no part of it counts. */
  close(): void
}

export interface ProxyFilterOptions {
  /** Postfix: smtpd_proxy_ehlo. */
  readonly heloName: string
  /** For the connection and for each answer. Postfix: smtpd_proxy_timeout. */
  readonly timeoutMs: number
  /** Told when the filter offers XFORWARD. */
  readonly client: ForwardedClient
}

const clientOptions = ({ heloName, timeoutMs }: ProxyFilterOptions): SmtpClientOptions => ({
  protocol: 'smtp',
  heloName,
  tlsLevel: 'none',
  ownHost: 'configured',
  timeouts: { connectMs: timeoutMs, heloMs: timeoutMs },
})

/** Connects; greeting, EHLO, XFORWARD. */
export const openProxyFilter = async (
  server: SmtpServerAddress,
  options: ProxyFilterOptions,
): Promise<ProxyFilter | SmtpFailure> => {
  const site = clientOptions(options)
  const socket = await openSocket(server, site)
  if ('kind' in socket) return socket
  const connection = new RemoteConnection(server, site, socket)
  const failure = (await shakeHands(connection, site)) ?? (await forward(connection, options))
  if (failure === undefined) return new Filter(connection, site, options.timeoutMs)
  connection.leave()
  return failure
}

/** What the filter says to it changes nothing. */
const forward = async (
  connection: RemoteConnection,
  { client, timeoutMs }: ProxyFilterOptions,
): Promise<SmtpFailure | undefined> => {
  const known = connection.extensions.get('XFORWARD')
  if (known === undefined) return undefined
  for (const line of xforwardLines(client, known)) {
    const told = await connection.command(line, timeoutMs, 'sending XFORWARD name/address')
    if (isFailure(told)) return told
  }
  return undefined
}

class Filter implements ProxyFilter {
  readonly #connection: RemoteConnection
  readonly #site: SmtpClientOptions
  readonly #timeoutMs: number
  /** The message is the filter's own matter: no line is broken. */
  readonly #stuffer = new DotStuffer(0)
  #inContent = false

  constructor(connection: RemoteConnection, site: SmtpClientOptions, timeoutMs: number) {
    this.#connection = connection
    this.#site = site
    this.#timeoutMs = timeoutMs
  }

  async mail(from: MailFrom): Promise<Told> {
    const { address, sizeBytes, body, smtpUtf8, ret, envid } = from
    const mail = {
      sender: address,
      sizeBytes,
      smtpUtf8,
      ...(body === undefined ? {} : { body }),
      ...(ret === undefined ? {} : { ret }),
      ...(envid === undefined ? {} : { envid }),
    }
    return await this.#command(mailLine(this.#connection, this.#site, mail), 'sending MAIL FROM')
  }

  async rcpt({ address, notify, originalRecipient }: RcptTo): Promise<Told> {
    const recipient = {
      address,
      ...(notify === undefined ? {} : { notify }),
      ...(originalRecipient === undefined ? {} : { originalRecipient }),
    }
    return await this.#command(rcptLine(this.#connection, recipient), 'sending RCPT TO')
  }

  async data(): Promise<Told> {
    const told = await this.#command('DATA', 'sending DATA command')
    this.#inContent = !isFailure(told) && told.code === 354
    return told
  }

  #command(line: string, stage: Stage): Promise<Told> {
    return this.#connection.command(line, this.#timeoutMs, stage)
  }

  write(chunk: Uint8Array): Promise<unknown> | undefined {
    const fed = this.#connection.feed([Buffer.from(this.#stuffer.push(chunk))])
    return fed instanceof Promise ? this.#within(fed) : undefined
  }

  /** Who does not read for as long is cut off, and what follows finds no connection. */
  async #within(fed: Promise<unknown>): Promise<void> {
    const timer = setTimeout(() => this.#connection.close(), this.#timeoutMs)
    try {
      await fed
    } finally {
      clearTimeout(timer)
    }
  }

  async end(): Promise<Told> {
    const { all, stage } = this.#connection.replies(1)
    stage('sending end of data -- message may be sent more than once', this.#timeoutMs)
    await this.#connection.feed([this.#stuffer.finish()])
    this.#inContent = false
    return (await all)[0] as Told
  }

  close(): void {
    if (this.#inContent) this.#connection.close()
    else this.#connection.leave()
  }
}
