import type { Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import type { Answer } from '@posthorn/smtp'
import type { GreylistStore, GreylistTriplet } from '@posthorn/storage'
import { networkAround, parseAddress, type TableContext } from '../../tables/index.ts'
import { refusalOf } from '../reply-text.ts'
import type { PolicyRequest, Subject } from '../request.ts'
import { dunno, type Verdict } from '../verdict.ts'
import { checkSpf, loadSpf } from './sender-policy.ts'
import { loadDkim } from './signature-check.ts'
import { openClientWhitelist, openRecipientWhitelist } from './whitelist.ts'

export interface GreylistOptions {
  /** postgrey --delay. Default 60 s. */
  readonly delayMs?: number
  /** postgrey --retry-window: a triplet that does not come back in it starts anew. Default 2 days. */
  readonly retryWindowMs?: number
  /** postgrey --max-age: known triplets and clients are forgotten after it. Default 35 days. */
  readonly maxAgeMs?: number
  /** postgrey --auto-whitelist-clients: a network that passed so often is never delayed again; 0 = off. Default 5. */
  readonly autoWhitelistPasses?: number
  /** `%s` seconds to wait, `%r` domain of the recipient. */
  readonly text?: string
  readonly whitelistClients?: readonly string[]
  readonly whitelistRecipients?: readonly string[]
  /**
   * Who does not wait: `spf` = the sender's domain vouches for the client; `dkim` = it has signed the message, which
   * decides at its end. Default: nobody.
   */
  readonly vouchers?: readonly ('spf' | 'dkim')[]
  readonly myhostname?: string
}

export interface Greylist {
  /** For who will ask for verdicts: the first one shall not take longer than the others. */
  prepare(): void
  verdict(request: PolicyRequest, subject: Subject): Answer<Verdict>
}

const defaultText = 'Greylisted, see http://postgrey.schweikert.ch/help/%r.html (wait %s s)'
const hourMs = 3_600_000
const spfTimeoutMs = 5_000
/** Who need not wait is not looked up for each of its messages. */
const provenMs = 1_000
const maxProven = 10_000

/** Greylisting as postgrey does it, on the store. RFC 6647. Throws TableError for a bad whitelist. */
export function createGreylist(
  store: Pick<GreylistStore, 'attempt'>,
  options: GreylistOptions,
  context: TableContext & { readonly log: Log; readonly dns?: Resolver },
): Greylist {
  const clients = (options.whitelistClients ?? []).map((path) => openClientWhitelist(path, context))
  const recipients = (options.whitelistRecipients ?? []).map((path) => openRecipientWhitelist(path, context))
  const rules = {
    delayMs: options.delayMs ?? 60_000,
    retryWindowMs: options.retryWindowMs ?? 48 * hourMs,
    maxAgeMs: options.maxAgeMs ?? 35 * 24 * hourMs,
    autoWhitelistPasses: options.autoWhitelistPasses ?? 5,
  }
  const text = options.text ?? defaultText
  /** Networks and triplets that pass, and until when nobody need ask. */
  const proven = new Map<string, number>()
  const vouchesBySpf = options.vouchers?.includes('spf') === true ? context.dns : undefined

  async function isVouchedFor({ sender = '', helo, client }: PolicyRequest): Promise<boolean> {
    if (vouchesBySpf === undefined || (sender === '' && helo === '')) return false
    const { myhostname = 'localhost' } = options
    const question = { sender, helo, clientAddress: client.address, myhostname }
    return (await checkSpf(vouchesBySpf, question, spfTimeoutMs)) === 'pass'
  }

  /** A greylist that cannot be asked stops no mail. */
  async function waitOf(triplet: GreylistTriplet): Promise<number> {
    try {
      const nowMs = context.now()
      const { waitMs, autoWhitelisted } = await store.attempt(triplet, { nowMs, ...rules })
      if (waitMs <= 0) {
        if (proven.size >= maxProven) proven.clear()
        proven.set(autoWhitelisted ? triplet.network : keyOf(triplet), nowMs + provenMs)
      }
      return waitMs
    } catch (error) {
      context.log({ level: 'error', service: 'greylist', text: 'cannot look up the greylist', error })
      return 0
    }
  }

  const isProven = (key: string): boolean => {
    const untilMs = proven.get(key)
    const leftMs = untilMs === undefined ? 0 : untilMs - context.now()
    // More than that is left when the clock was set back.
    return leftMs > 0 && leftMs <= provenMs
  }

  async function attempt(
    triplet: GreylistTriplet,
    request: PolicyRequest,
    subject: Subject,
  ): Promise<Verdict> {
    const { client } = request
    const { recipient } = triplet
    const waitMs = await waitOf(triplet)
    if (waitMs <= 0) return dunno
    if (await isVouchedFor(request)) {
      const said = `not greylisted: SPF passes for ${client.address}, sender=${request.sender ?? ''}`
      context.log({ level: 'info', service: 'greylist', text: said })
      return dunno
    }
    const seconds = Math.max(1, Math.ceil(waitMs / 1000))
    const said = text.replace(/%[sr]/g, (mark) =>
      mark === '%s' ? String(seconds) : recipient.slice(recipient.lastIndexOf('@') + 1),
    )
    const refusal = refusalOf(subject, 450, '4.2.0', said)
    return options.vouchers?.includes('dkim') === true && request.sender !== ''
      ? { kind: 'effect', effect: { kind: 'greylisted', refusal } }
      : { kind: 'defer-if-permit', refusal }
  }

  return {
    prepare() {
      // Who fails now fails when it is asked for, too.
      if (vouchesBySpf !== undefined) loadSpf().catch(() => {})
      if (options.vouchers?.includes('dkim') === true) loadDkim().catch(() => {})
    },
    verdict(request, subject) {
      if (request.user !== undefined || request.client.inMyNetworks || request.recipient === undefined)
        return dunno
      // Who only asks has not tried.
      if (request.command === 'VRFY') return dunno
      const { client, recipient } = request
      if (clients.some((list) => list.has(client.name.name, client.address))) return dunno
      if (recipients.some((list) => list.has(recipient))) return dunno
      const network = clientNetwork(client.address)
      if (network === undefined) return dunno
      if (isProven(network)) return dunno
      const sender = foldSender(request.sender ?? '')
      const triplet = { network, sender, recipient: foldRecipient(recipient) }
      return isProven(keyOf(triplet)) ? dunno : attempt(triplet, request, subject)
    },
  }
}

const keyOf = ({ network, sender, recipient }: GreylistTriplet): string =>
  `${network}\n${sender}\n${recipient}`

/** Farms of senders share a network: /24 and /64. */
export function clientNetwork(address: string): string | undefined {
  const parsed = parseAddress(address)
  return parsed === undefined ? undefined : networkAround(parsed, parsed.kind() === 'ipv4' ? 24 : 64)
}

/** postgrey: extensions go and runs of digits become `#`, so that lists with an address a message pass once. */
export function foldSender(sender: string): string {
  const at = sender.lastIndexOf('@')
  if (at === -1) return sender.toLowerCase()
  const local = sender.slice(0, at).replace(/\+.*$/, '')
  const folded = local.replace(/(?<![A-Za-z0-9])\d+(?![A-Za-z0-9])/g, '#')
  return `${folded}${sender.slice(at)}`.toLowerCase()
}

function foldRecipient(recipient: string): string {
  const at = recipient.lastIndexOf('@')
  if (at === -1) return recipient.toLowerCase()
  return `${recipient.slice(0, at).replace(/(?!^)\+.*$/, '')}${recipient.slice(at)}`.toLowerCase()
}
