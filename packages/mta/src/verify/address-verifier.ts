import type { Log } from '@posthorn/mail'
import type { NewRecipient, QueueEntry, QueueId } from '@posthorn/storage'
import type { Attempt, DeliveryAgent, DeliveryJob } from '../delivery/attempt.ts'
import type { Known } from '../policy/address-book.ts'
import { formatDelay, formatDelays } from '../queue/log-lines.ts'
import { probeSenderNow, type Resolved } from '../routing/index.ts'
import { openVerifyCache, type Verified, type VerifyCache } from './verify-cache.ts'

/** Postfix's parameters of address verification. */
export interface AddressVerifyOptions {
  /** address_verify_map as a path; '' = in memory only. */
  readonly path: string
  /** address_verify_sender, complete; '' = the null sender. */
  readonly sender: string
  /** address_verify_sender_ttl; 0 = the sender is always the same. */
  readonly senderTtlMs?: number
  /** delay_logging_resolution_limit. */
  readonly delayDigits?: number
  readonly pollCount: number
  readonly pollDelayMs: number
  readonly positiveExpireMs: number
  readonly positiveRefreshMs: number
  /** address_verify_negative_cache = no: refusals are not remembered. */
  readonly negativeCache: 'yes' | 'no'
  readonly negativeExpireMs: number
  readonly negativeRefreshMs: number
  /** address_verify_pending_request_limit. */
  readonly pendingLimit: number
  /** smtp_address_verify_target. */
  readonly target: 'rcpt' | 'data'
}

export interface AddressVerifySources {
  readonly verify: (address: string) => Known | Promise<Known>
  readonly classify: (address: string) => { readonly class: string }
  readonly resolve: (request: {
    readonly address: string
    readonly sender: string
    readonly nowMs: number
  }) => Promise<Resolved>
  /** The agent of a transport. */
  readonly agent: (transport: string) => DeliveryAgent | undefined
  readonly newId: (nowMs: number) => QueueId
  readonly log: Log
  readonly now: () => number
}

export interface AddressVerifier {
  /** What is known; 'pending' when a probe is still under way after the time for polling. Never rejects. */
  status(address: string): Promise<Verified | 'pending'>
}

const probeTimeoutMs = 120_000

/** Whether an address takes mail: from the cache, else by a probe that ends before DATA. Postfix: verify(8). */
export function createAddressVerifier(
  options: AddressVerifyOptions,
  sources: AddressVerifySources,
): AddressVerifier {
  return new Verifier(options, sources, openVerifyCache(options.path, sources.log, sources.now))
}

class Verifier implements AddressVerifier {
  readonly #options: AddressVerifyOptions
  readonly #sources: AddressVerifySources
  readonly #cache: VerifyCache
  readonly #pending = new Map<string, Promise<Verified>>()

  constructor(options: AddressVerifyOptions, sources: AddressVerifySources, cache: VerifyCache) {
    this.#options = options
    this.#sources = sources
    this.#cache = cache
  }

  async status(given: string): Promise<Verified | 'pending'> {
    const address = foldDomain(given)
    const known = this.#cache.get(address)
    if (known !== undefined && !this.#isOlder(known, 'expire')) {
      if (this.#isOlder(known, 'refresh')) void this.#probe(address)
      return known
    }
    const probe = this.#probe(address)
    if (probe === undefined) return 'pending'
    const { pollCount, pollDelayMs } = this.#options
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'pending'>((resolve) => {
      timer = setTimeout(() => resolve('pending'), pollCount * pollDelayMs)
    })
    try {
      return await Promise.race([probe, late])
    } finally {
      clearTimeout(timer)
    }
  }

  #isOlder({ status, atMs }: Verified, than: 'expire' | 'refresh'): boolean {
    const { positiveExpireMs, positiveRefreshMs, negativeExpireMs, negativeRefreshMs } = this.#options
    const limits =
      status === 'ok'
        ? { expire: positiveExpireMs, refresh: positiveRefreshMs }
        : { expire: negativeExpireMs, refresh: negativeRefreshMs }
    // A clock set back makes nothing last for ever.
    const ageMs = Math.abs(this.#sources.now() - atMs)
    return ageMs > limits[than]
  }

  /** One at a time for an address. undefined: too many are under way. */
  #probe(address: string): Promise<Verified> | undefined {
    const found = this.#pending.get(address)
    if (found !== undefined) return found
    if (this.#pending.size >= this.#options.pendingLimit) return undefined
    const probe = this.#ask(address)
      .catch((error: unknown): Verified => {
        this.#sources.log({ level: 'error', service: 'verify', text: `cannot probe ${address}`, error })
        return { status: 'deferred', atMs: this.#sources.now(), text: 'internal error' }
      })
      .then((verified) => {
        this.#pending.delete(address)
        // Postfix keeps a good result through a temporary fault of the next probe.
        const before = this.#cache.get(address)
        const keepsGood =
          before?.status === 'ok' && verified.status !== 'ok' && !this.#isOlder(before, 'expire')
        const remembers = verified.status === 'ok' || (this.#options.negativeCache === 'yes' && !keepsGood)
        if (remembers) this.#cache.set(address, verified)
        return verified
      })
    this.#pending.set(address, probe)
    return probe
  }

  async #ask(address: string): Promise<Verified> {
    const { sources, verified } = { sources: this.#sources, verified: this.#verified }
    const known = await sources.verify(address)
    if (known.kind === 'unknown') return verified('bounced', `User unknown in ${known.table}`)
    if (known.kind === 'refused')
      return verified(known.status.startsWith('4') ? 'deferred' : 'bounced', known.text)
    if (known.kind === 'malformed') return verified('bounced', 'bad address syntax')
    if (known.kind === 'temporary') return verified('deferred', known.reason)
    const kind = sources.classify(address).class
    if (kind !== 'default' && kind !== 'relay') return verified('ok', 'delivers to mailbox')
    const nowMs = sources.now()
    const resolved = await sources.resolve({ address, sender: this.#senderNow(nowMs), nowMs })
    if (resolved.kind === 'refused')
      return verified(resolved.status.startsWith('4') ? 'deferred' : 'bounced', resolved.text)
    const [first] = resolved.recipients
    if (first === undefined) return verified('ok', 'discarded')
    return this.#deliver(first)
  }

  readonly #verified = (status: Verified['status'], text: string): Verified => ({
    status,
    atMs: this.#sources.now(),
    text,
  })

  /** By the agent that would deliver a message, which stops short of the message. */
  async #deliver({ address, route }: NewRecipient): Promise<Verified> {
    if (route.kind === 'mailbox') return this.#verified('ok', 'delivers to mailbox')
    const agent = this.#sources.agent(route.transport)
    if (agent === undefined)
      return this.#verified('deferred', `mail transport unavailable: ${route.transport}`)
    const called = new AbortController()
    const timer = setTimeout(() => called.abort(), probeTimeoutMs)
    try {
      const job = this.#job(address, route, called.signal)
      const [attempt] = await agent(job)
      if (attempt === undefined) return this.#verified('deferred', 'delivery broke off')
      const { action } = attempt.result
      const status = action === 'failed' ? 'bounced' : action === 'delayed' ? 'deferred' : 'ok'
      this.#log(job, attempt, status)
      return this.#verified(status, attempt.said)
    } finally {
      clearTimeout(timer)
    }
  }

  #senderNow(nowMs: number): string {
    const { sender, senderTtlMs = 0 } = this.#options
    return probeSenderNow(sender, senderTtlMs, nowMs)
  }

  #job(
    address: string,
    route: Extract<NewRecipient['route'], { readonly kind: 'queued' }>,
    signal: AbortSignal,
  ): DeliveryJob {
    const nowMs = this.#sources.now()
    const sender = this.#senderNow(nowMs)
    const recipient = {
      index: 0,
      address,
      notify: ['NEVER'] as const,
      transport: route.transport,
      nextHop: route.nextHop,
      state: 'claimed' as const,
      dueMs: nowMs,
      attempts: 1,
      delayWarned: false,
    }
    const entry: QueueEntry = {
      queueId: this.#sources.newId(nowMs),
      sender,
      options: {},
      origin: { clientName: 'localhost', clientAddress: '127.0.0.1', helo: '', protocol: '' },
      arrivedMs: nowMs,
      sizeBytes: 0,
      hold: false,
      recipients: [recipient],
    }
    return {
      entry,
      recipients: [recipient],
      transport: route.transport,
      nextHop: route.nextHop,
      sender,
      prefix: undefined,
      content: async function* () {},
      sizeBytes: 0,
      signal,
      probe: this.#options.target,
    }
  }

  /** The line of a delivery, with status=deliverable or undeliverable. Postfix: verify(8), smtp(8). */
  #log({ entry, transport }: DeliveryJob, attempt: Attempt, status: Verified['status']): void {
    const { recipient, relay, said, setUpMs, transferMs, result } = attempt
    const word = status === 'ok' ? 'deliverable' : 'undeliverable'
    const { delayDigits } = this.#options
    const delay = formatDelay(this.#sources.now() - entry.arrivedMs, delayDigits)
    const delays = formatDelays([0, 0, setUpMs, transferMs], delayDigits)
    this.#sources.log({
      level: 'info',
      service: transport,
      queueId: entry.queueId,
      text: `to=<${recipient.address}>, relay=${relay}, delay=${delay}, delays=${delays}, dsn=${result.status}, status=${word} (${said})`,
      fields: { to: recipient.address, relay, dsn: result.status, status: word },
    })
  }
}

/** Local parts of other systems keep their case. RFC 5321 §2.4. */
function foldDomain(address: string): string {
  const at = address.lastIndexOf('@')
  return address.slice(0, at + 1) + address.slice(at + 1).toLowerCase()
}
