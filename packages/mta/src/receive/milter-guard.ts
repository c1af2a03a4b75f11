import type { Log } from '@posthorn/mail'
import type { MailFrom, RcptTo, SmtpReply, SmtpSession } from '@posthorn/smtp'
import type {
  MilterAnswer,
  MilterContent,
  MilterEdits,
  MilterFacts,
  SessionMilters,
} from '../milter/index.ts'
import { type PolicyRequest, policyLogText } from '../policy/index.ts'
import type { Routing } from '../routing/index.ts'
import { LookupFailed, LookupWaits } from '../tables/index.ts'
import type { SessionState } from './session-state.ts'

export interface GuardSources {
  readonly log: Log
  readonly routing: () => Pick<Routing, 'classify' | 'complete'>
  readonly myhostname: () => string
}

export type GuardVerdict = SmtpReply | 'hold' | 'discard' | undefined

/** Puts the events of one SMTP session to its filters, and their answers into replies and log lines. */
export class MilterGuard {
  readonly #milters: SessionMilters
  readonly #session: SmtpSession
  readonly #state: SessionState
  readonly #sources: GuardSources

  constructor(milters: SessionMilters, session: SmtpSession, state: SessionState, sources: GuardSources) {
    this.#milters = milters
    this.#session = session
    this.#state = state
    this.#sources = sources
  }

  /** What the filters say of the client is said to it at once only when it is for good. Postfix: smtpd_proto(). */
  async connect(request: PolicyRequest): Promise<SmtpReply | undefined> {
    const { clientAddress, clientPort } = this.#session
    const client = { name: this.#state.client.name.name, address: clientAddress, port: clientPort }
    const verdict = this.#judge(await this.#milters.connect(client, this.#facts()), request)
    if (typeof verdict !== 'object') return this.#keep(verdict)
    const host = this.#sources.myhostname()
    if (verdict.code === 421) return { code: 421, text: `${host} Service unavailable - try again later` }
    return verdict.code >= 500 ? { code: 554, text: `${host} ESMTP not accepting connections` } : undefined
  }

  /** A refusal is told at MAIL, as all refusals of HELO are: the filter says the same there. */
  async helo(name: string, request: PolicyRequest): Promise<SmtpReply | undefined> {
    const verdict = this.#judge(await this.#milters.helo(name, this.#facts()), request)
    if (typeof verdict !== 'object') return this.#keep(verdict)
    return verdict.code === 421 ? verdict : undefined
  }

  async mail(from: MailFrom, request: PolicyRequest): Promise<GuardVerdict> {
    const address = from.address
    const facts = { ...this.#facts(), ...this.#mailFacts(address) }
    const verdict = this.#judge(await this.#milters.mail(address, mailParameters(from), facts), request)
    if (typeof verdict === 'object') this.#milters.abort()
    return verdict ?? this.#state.milterVerdict
  }

  async rcpt(recipient: RcptTo, sender: string, request: PolicyRequest): Promise<GuardVerdict> {
    const facts = { ...this.#mailFacts(sender), ...this.#rcptFacts(recipient.address), ...this.#ids(request) }
    const answer = await this.#milters.rcpt(recipient.address, rcptParameters(recipient), facts)
    return this.#judge(answer, request)
  }

  async rejectedRcpt(recipient: RcptTo, refused: SmtpReply, request: PolicyRequest): Promise<void> {
    const facts = {
      ...this.#ids(request),
      rcpt_mailer: 'error',
      rcpt_host: refused.status,
      rcpt_addr: Array.isArray(refused.text) ? refused.text.join(' ') : String(refused.text),
    }
    await this.#milters.rejectedRcpt(recipient.address, rcptParameters(recipient), facts)
  }

  async data(request: PolicyRequest): Promise<GuardVerdict> {
    return this.#judge(await this.#milters.data(this.#ids(request)), request)
  }

  async unknown(line: string, request: PolicyRequest): Promise<SmtpReply | undefined> {
    const verdict = this.#judge(await this.#milters.unknown(line, this.#ids(request)), request)
    return typeof verdict === 'object' ? verdict : undefined
  }

  async message(content: MilterContent, edits: MilterEdits, request: PolicyRequest): Promise<GuardVerdict> {
    return this.#judge(await this.#milters.message(content, edits, this.#ids(request)), request)
  }

  abort(): void {
    this.#milters.abort()
  }
  quit(): void {
    this.#milters.quit()
  }

  /** DISCARD and HOLD of a client hold for all its mail. */
  #keep(verdict: 'hold' | 'discard' | undefined): undefined {
    if (verdict !== undefined) this.#state.milterVerdict = verdict
  }

  #judge(answer: MilterAnswer, request: PolicyRequest): GuardVerdict {
    if (answer.kind === 'go-on') return undefined
    const [reply, logged] = verdictOf(answer, request.command)
    const queueId = request.queueId === '' ? 'NOQUEUE' : request.queueId
    const service = request.command === 'END-OF-MESSAGE' ? 'cleanup' : 'smtpd'
    const action = answer.kind === 'refuse' ? 'milter-reject' : `milter-${answer.kind}`
    this.#sources.log({ level: 'info', service, queueId, text: policyLogText(action, request, logged) })
    return reply
  }

  #ids(request: PolicyRequest): MilterFacts {
    return { ...this.#facts(), i: request.queueId === '' ? undefined : request.queueId }
  }

  #facts(): MilterFacts {
    const { clientAddress, clientPort, localAddress, localPort, tls, user, helo } = this.#session
    const { connections = 0 } = this.#session
    const { name, reverseName } = this.#state.client.name
    const forged = name.toLowerCase() === reverseName.toLowerCase() ? '' : ' (may be forged)'
    return {
      _: `${reverseName} [${clientAddress}]${forged}`,
      client_addr: clientAddress,
      client_connections: String(connections),
      client_name: name,
      client_port: String(clientPort),
      client_ptr: reverseName,
      daemon_addr: localAddress,
      daemon_port: String(localPort),
      if_addr: localAddress,
      s: helo === '' ? undefined : helo,
      tls_version: tls?.protocol,
      cipher: tls?.cipher,
      cipher_bits: tls === undefined ? undefined : String(tls.bits),
      cert_subject: tls?.clientCertificate?.subject,
      cert_issuer: tls?.clientCertificate?.issuer,
      auth_type: user?.method,
      auth_authen: user?.address,
    }
  }

  #mailFacts(sender: string): MilterFacts {
    const { mailer, host } = this.#route(sender)
    return { mail_addr: sender, mail_mailer: mailer, mail_host: host, f: sender }
  }

  #rcptFacts(recipient: string): MilterFacts {
    const { mailer, host } = this.#route(recipient)
    return { ...this.#facts(), rcpt_addr: recipient, rcpt_mailer: mailer, rcpt_host: host }
  }

  #route(address: string): { readonly mailer: string; readonly host: string } {
    if (address === '') return { mailer: 'local', host: this.#sources.myhostname() }
    try {
      const { class: kind, domain } = this.#sources.routing().classify(address)
      return { mailer: mailers[kind], host: domain }
    } catch (error) {
      if (!(error instanceof LookupWaits || error instanceof LookupFailed)) throw error
      // A macro is not worth waiting for.
      return { mailer: mailers.default, host: address.slice(address.lastIndexOf('@') + 1) }
    }
  }
}

const mailers = {
  local: 'local',
  mailbox: 'virtual',
  'virtual-alias': 'virtual',
  relay: 'relay',
  default: 'smtp',
} as const

/** The log names the reply, after the message without its code. Postfix: check_milter_reply(), cleanup_milter_apply(). */
function verdictOf(
  answer: Exclude<MilterAnswer, { readonly kind: 'go-on' }>,
  command: string,
): readonly [GuardVerdict, string] {
  if (answer.kind !== 'refuse') return [answer.kind, `milter triggers ${answer.kind.toUpperCase()} action`]
  const { code, status, lines } = answer
  const text = lines.length === 1 ? (lines[0] ?? '') : lines
  const said = `${status} ${lines.join(' ')}`
  return [{ code, status, text }, command === 'END-OF-MESSAGE' ? said : `${code} ${said}`]
}

/** As the client wrote them, but for order and case. */
function mailParameters(from: MailFrom): string[] {
  const parameters: string[] = []
  if (from.sizeBytes !== undefined) parameters.push(`SIZE=${from.sizeBytes}`)
  if (from.body !== undefined) parameters.push(`BODY=${from.body}`)
  if (from.smtpUtf8) parameters.push('SMTPUTF8')
  if (from.ret !== undefined) parameters.push(`RET=${from.ret}`)
  if (from.envid !== undefined) parameters.push(`ENVID=${from.envid}`)
  return parameters
}

function rcptParameters(recipient: RcptTo): string[] {
  const parameters: string[] = []
  if (recipient.notify !== undefined) parameters.push(`NOTIFY=${recipient.notify.join(',')}`)
  if (recipient.originalRecipient !== undefined) parameters.push(`ORCPT=${recipient.originalRecipient}`)
  return parameters
}
