import type { Log } from '@posthorn/mail'
import {
  type MailFrom,
  openProxyFilter,
  type ProxyFilter,
  type RcptTo,
  type RemoteReply,
  type SmtpFailure,
  type SmtpReply,
  type SmtpServerAddress,
  type SmtpSession,
} from '@posthorn/smtp'
import { BodySpool } from '../milter/body-spool.ts'
import { policyLogText } from '../policy/index.ts'
import type { EnvelopeRecipient } from '../routing/index.ts'
import { onlyRecipient } from './content-refusal.ts'
import type { MailVerdicts } from './mail-verdicts.ts'
import { reply } from './refusals.ts'

/** A content filter before the queue. Postfix: SMTPD_PROXY_README. */
export interface ProxyFilterSettings {
  readonly server: SmtpServerAddress
  /** smtpd_proxy_ehlo */
  readonly heloName: string
  /** smtpd_proxy_timeout */
  readonly timeoutMs: number
  /** 'whole': the filter is connected when the message is complete (smtpd_proxy_options = speed_adjust). */
  readonly asks: 'as-it-comes' | 'whole'
}

const trouble = reply(451, '4.3.0', 'Error: queue file write error')
const rcptOk = reply(250, '2.1.5', 'Ok')
const goAhead: SmtpReply = { code: 354, text: 'End data with <CR><LF>.<CR><LF>' }

/** One mail transaction, passed on to the filter: its answers are the client's. Nothing is stored here. */
export class ProxiedMail {
  readonly #settings: ProxyFilterSettings
  readonly #session: SmtpSession
  readonly #from: MailFrom
  readonly #source: 'local' | 'remote'
  readonly #log: Log
  #filter: ProxyFilter | undefined
  #recipients: RcptTo[] = []
  #spool: BodySpool | undefined
  /** Once one thing has failed all else has. */
  #failed = false

  constructor(
    settings: ProxyFilterSettings,
    mail: {
      readonly session: SmtpSession
      readonly from: MailFrom
      readonly source: 'local' | 'remote'
      readonly log: Log
    },
  ) {
    this.#settings = settings
    this.#session = mail.session
    this.#from = mail.from
    this.#source = mail.source
    this.#log = mail.log
  }

  /** The filter's refusal, of MAIL too; its consent is told in our words, as smtpd(8) does. */
  async rcpt(recipient: RcptTo): Promise<SmtpReply> {
    if (this.#settings.asks === 'whole') {
      this.#recipients.push(recipient)
      return rcptOk
    }
    const said = (await this.#begin()) ?? this.#said(await this.#filter?.rcpt(recipient))
    return said.code < 400 ? rcptOk : said
  }

  /** `trace`: above the message. */
  async data(trace: readonly Buffer[]): Promise<SmtpReply> {
    if (this.#settings.asks === 'whole') {
      this.#spool = new BodySpool()
      for (const field of trace) await this.#spool.write(field)
      return goAhead
    }
    const said = this.#said(await this.#filter?.data())
    if (said.code !== 354) return said.code < 400 ? trouble : said
    for (const field of trace) await this.#filter?.write(field)
    return goAhead
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    const wait = this.#spool === undefined ? this.#filter?.write(chunk) : this.#spool.write(chunk)
    return wait?.then(() => undefined)
  }

  /** After the final dot: what the filter makes of the message is the client's answer. */
  async finish(verdicts: MailVerdicts, recipients: readonly EnvelopeRecipient[]): Promise<SmtpReply> {
    const said = await this.#end()
    const text = `${said.code} ${typeof said.text === 'string' ? said.text : said.text.join(' ')}`
    const request = verdicts.request('END-OF-MESSAGE', onlyRecipient(recipients), recipients.length)
    verdicts.log('info', policyLogText(said.code < 400 ? 'proxy-accept' : 'proxy-reject', request, text))
    return said
  }

  async #end(): Promise<SmtpReply> {
    try {
      const refused = this.#spool === undefined ? undefined : await this.#replay(this.#spool)
      return refused ?? this.#said(await this.#filter?.end())
    } finally {
      await this.close()
    }
  }

  async close(): Promise<void> {
    const spool = this.#spool
    this.#spool = undefined
    this.#filter?.close()
    this.#filter = undefined
    await spool?.close()
  }

  /** Everything that was kept, up to the final dot. The first refusal is that of the message. */
  async #replay(spool: BodySpool): Promise<SmtpReply | undefined> {
    const refused = await this.#begin()
    if (refused !== undefined) return refused
    for (const recipient of this.#recipients) {
      const said = this.#said(await this.#filter?.rcpt(recipient))
      if (said.code >= 400) return said
    }
    const said = this.#said(await this.#filter?.data())
    if (said.code !== 354) return said.code < 400 ? trouble : said
    for await (const octets of spool.read()) await this.#filter?.write(octets)
    return undefined
  }

  /** Connects at the first recipient. undefined: the filter waits for recipients. */
  async #begin(): Promise<SmtpReply | undefined> {
    if (this.#failed) return trouble
    if (this.#filter !== undefined) return undefined
    const { server, heloName, timeoutMs } = this.#settings
    const client = this.#client()
    const filter = await openProxyFilter(server, { heloName, timeoutMs, client })
    if ('kind' in filter) return this.#fail(filter)
    this.#filter = filter
    const said = this.#said(await filter.mail(this.#from))
    if (said.code < 400) return undefined
    this.#filter = undefined
    filter.close()
    return said
  }

  #client() {
    const { clientName, clientAddress, clientPort, helo, protocol, forwarded } = this.#session
    const port = forwarded === undefined ? clientPort : Number(forwarded.port)
    return {
      name: forwarded?.name ?? clientName,
      address: forwarded?.address ?? clientAddress,
      helo: forwarded?.helo ?? helo,
      protocol: forwarded?.protocol ?? protocol,
      queueId: forwarded?.ident ?? '',
      source: forwarded?.source ?? this.#source,
      ...(port > 0 ? { port } : {}),
    }
  }

  #said(told: RemoteReply | SmtpFailure | undefined): SmtpReply {
    if (told === undefined) return trouble
    if ('kind' in told) return this.#fail(told)
    const { code, lines } = told
    return { code, text: lines.length === 1 ? (lines[0] ?? '') : lines }
  }

  #fail({ text }: SmtpFailure): SmtpReply {
    this.#failed = true
    this.#log({ level: 'warning', service: 'smtpd', text: `proxy filter: ${text}` })
    return trouble
  }
}
