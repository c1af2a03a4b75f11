import type { Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import type { Misconduct, Probation, SmtpReply } from '@posthorn/smtp'
import { createNetworkList, PolicyError, type Refusal } from '../policy/index.ts'
import {
  type LookupTable,
  lookupFirst,
  lookupIpAddress,
  parseAddress,
  type TableContext,
  type Tables,
} from '../tables/index.ts'
import { openVerifyCache, type VerifyCache } from '../verify/index.ts'
import { ListScores, readListSites } from './list-sites.ts'
import type { ScreenAction, ScreenOptions } from './screen-options.ts'
import { Strangers } from './strangers.ts'

export interface ScreenedClient {
  readonly clientAddress: string
  readonly clientPort: number
  readonly localAddress: string
  readonly localPort: number
  readonly inMyNetworks: boolean
}

/** What comes of the tests before the greeting. */
export type Screening =
  /** Known, or listed as good: greeted at once. */
  | { readonly kind: 'pass'; readonly watch?: Watch | undefined; readonly gone: () => void }
  | { readonly kind: 'drop'; readonly reply: SmtpReply }
  /** Greeted after the wait; `refusal` is told at each RCPT (action enforce). */
  | {
      readonly kind: 'wait'
      readonly waitMs: number
      readonly onPregreet: ScreenAction
      readonly refusal: Refusal | undefined
      /** To be called when the client kept silent until the greeting. */
      readonly passed: () => void
      readonly watch: Watch | undefined
      /** The first line of the greeting, before the wait; '' = none. */
      readonly teaser: string
      /** To be called when the connection ends. */
      readonly gone: () => void
    }

/** The tests after the greeting, of a client that has not passed them yet: no mail is taken meanwhile. */
export interface Watch {
  readonly probation: Probation
  /** What RCPT is told; the client has passed what it has not failed. */
  verdict(): Refusal
}

export interface Screen {
  examine(client: ScreenedClient): Promise<Screening>
}

export interface ScreenSources extends TableContext {
  readonly dns: Resolver
  readonly tables: Tables
  readonly log: Log
}

/** Told at RCPT to clients that spoke too early. */
export const pregreetRefusal: Refusal = { code: 550, status: '5.5.1', text: 'Protocol error' }
/** Told at RCPT to clients that have passed: they come again and are known. */
const tryAgain: Refusal = { code: 450, status: '4.3.2', text: 'Service currently unavailable' }
const misconductNames: Readonly<Record<Misconduct, string>> = {
  pipelining: 'COMMAND PIPELINING',
  'non-smtp command': 'NON-SMTP COMMAND',
  'bare newline': 'BARE NEWLINE',
}
const denied: Refusal = { code: 550, status: '5.3.2', text: 'Service currently unavailable' }
const dropReply = (status: string, text: string): SmtpReply => ({ code: 521, status, text })

type Access = (client: ScreenedClient) => 'permit' | 'reject' | undefined

const known: Screening = { kind: 'pass', gone: () => {} }

/** Cheap tests of strangers before a session costs anything. Throws TableError, PolicyError. Postfix: postscreen(8). */
export function createScreen(options: ScreenOptions, sources: ScreenSources): Screen {
  return new ClientScreen(options, sources)
}

class ClientScreen implements Screen {
  readonly #options: ScreenOptions
  readonly #sources: ScreenSources
  readonly #access: readonly Access[]
  readonly #scores: ListScores
  readonly #replies: readonly LookupTable[]
  readonly #cache: VerifyCache
  readonly #allowlisting: (address: string) => boolean
  readonly #strangers = new Strangers()

  constructor(options: ScreenOptions, sources: ScreenSources) {
    this.#options = options
    this.#sources = sources
    this.#access = options.accessList.map((word) => accessOf(word, sources))
    this.#scores = new ListScores(readListSites(options.dnsblSites), sources, options.dnsblTimeoutMs)
    this.#replies = sources.tables.openAll(options.dnsblReplyMap, 'postscreen_dnsbl_reply_map')
    this.#cache = openVerifyCache(options.cachePath, sources.log, sources.now)
    const everywhere = options.allowlistInterfaces.some((word) => /^static:all$/i.test(word))
    const list = everywhere ? undefined : createNetworkList(options.allowlistInterfaces, sources)
    this.#allowlisting = (address) => list?.has(address) ?? true
  }

  async examine(client: ScreenedClient): Promise<Screening> {
    const peer = `[${client.clientAddress}]:${client.clientPort}`
    this.#log(`CONNECT from ${peer} to [${client.localAddress}]:${client.localPort}`)
    const access = this.#accessFor(client)
    const tooMany = this.#tooMany(client)
    if (tooMany !== undefined) return tooMany
    if (access === 'permit') {
      this.#log(`ALLOWLISTED ${peer}`)
      return known
    }
    if (access === 'reject') this.#log(`DENYLISTED ${peer}`)
    else if (this.#isKnown(client.clientAddress) && this.#watch(client) === undefined) {
      this.#log(`PASS OLD ${peer}`)
      return known
    }
    const { denyAction } = this.#options
    if (access === 'reject' && denyAction === 'drop')
      return { kind: 'drop', reply: dropReply('5.3.2', 'Service currently unavailable') }
    const crowded = this.#crowded(client)
    if (crowded !== undefined) return crowded
    const gone = this.#strangers.enter(client.clientAddress)
    if (access === 'reject' && denyAction === 'enforce')
      return this.#wait(client, denied, { gone, listsMs: undefined })
    if (access === undefined && this.#isKnown(client.clientAddress))
      return { kind: 'pass', watch: this.#watch(client), gone }
    const screening = await this.#test(client, gone)
    if (screening.kind === 'drop') gone()
    return screening
  }

  async #test(client: ScreenedClient, gone: () => void): Promise<Screening> {
    const { score, worst, ttlMs } = await this.#scores.scoreOf(client.clientAddress)
    const { dnsblThreshold, dnsblAction, dnsblAllowThreshold } = this.#options
    if (worst !== undefined && score >= dnsblThreshold) {
      this.#log(`DNSBL rank ${score} for [${client.clientAddress}]:${client.clientPort}`)
      const refusal = this.#listed(client.clientAddress, worst)
      if (dnsblAction === 'drop') return { kind: 'drop', reply: { ...refusal, code: 521 } }
      const told = dnsblAction === 'enforce' ? refusal : undefined
      return this.#wait(client, told, { gone, listsMs: undefined })
    }
    if (dnsblAllowThreshold < 0 && score <= dnsblAllowThreshold) {
      this.#remember(client, ttlMs)
      return { kind: 'pass', watch: this.#watch(client), gone }
    }
    return this.#wait(client, undefined, { gone, listsMs: ttlMs })
  }

  #wait(
    client: ScreenedClient,
    refusal: Refusal | undefined,
    { gone, listsMs }: { readonly gone: () => void; readonly listsMs: number | undefined },
  ): Screening {
    const { greetWaitMs, greetAction, greetBanner = '' } = this.#options
    const watch = refusal === undefined ? this.#watch(client) : undefined
    return {
      kind: 'wait',
      waitMs: greetWaitMs,
      onPregreet: greetAction,
      refusal,
      watch,
      teaser: greetBanner,
      gone,
      passed: () => {
        if (listsMs !== undefined) this.#remember(client, listsMs)
        // Whoever is watched further is a stranger until then.
        if (watch === undefined) gone()
      },
    }
  }

  /** undefined: it has passed all tests after the greeting, or there are none. */
  #watch(client: ScreenedClient): Watch | undefined {
    const tests = (this.#options.afterGreeting ?? []).filter(
      ({ what }) => !this.#hasPassed(what, client.clientAddress),
    )
    if (tests.length === 0) return undefined
    const peer = `[${client.clientAddress}]:${client.clientPort}`
    const failed = new Set<Misconduct>()
    let refusal: Refusal = tryAgain
    let commands = 0
    return {
      probation: {
        misconduct: (what, after, text) => {
          const test = tests.find((one) => one.what === what)
          if (test === undefined || failed.has(what)) return 'go-on'
          failed.add(what)
          this.#log(`${misconductNames[what]} from ${peer} after ${after}${text === '' ? '' : `: ${text}`}`)
          if (test.action === 'drop') return 'drop'
          if (test.action === 'enforce') refusal = pregreetRefusal
          return 'go-on'
        },
        ...(this.#options.commandTimeMs === undefined ? {} : { commandTimeMs: this.#options.commandTimeMs }),
        command: (after) => {
          if (++commands <= (this.#options.commandCountLimit ?? Number.POSITIVE_INFINITY)) return 'go-on'
          this.#log(`COMMAND COUNT LIMIT from ${peer} after ${after}`)
          return 'drop'
        },
      },
      verdict: () => {
        const passed = tests.filter(({ what }) => !failed.has(what))
        if (failed.size === 0 && this.#allowlisting(client.localAddress)) this.#log(`PASS NEW ${peer}`)
        for (const { what, ttlMs } of passed) this.#keep(what, client, ttlMs)
        return refusal
      },
    }
  }

  #tooMany({ clientAddress, clientPort }: ScreenedClient): Screening | undefined {
    const { connectionsPerClient: limit = 0 } = this.#options
    if (limit === 0 || this.#strangers.of(clientAddress) < limit) return undefined
    this.#log(`NOQUEUE: reject: CONNECT from [${clientAddress}]:${clientPort}: too many connections`)
    return { kind: 'drop', reply: { code: 421, status: '4.7.0', text: 'Error: too many connections' } }
  }

  /** Whoever is known, or listed as good, needs no place among those that are tested. */
  #crowded({ clientAddress, clientPort }: ScreenedClient): Screening | undefined {
    const { strangers = Number.POSITIVE_INFINITY } = this.#options
    if (this.#strangers.count < strangers) return undefined
    this.#log(`reject: connect from [${clientAddress}]:${clientPort}: all screening ports busy`)
    return { kind: 'drop', reply: { code: 421, status: '4.3.2', text: 'All screening ports are busy' } }
  }

  #accessFor(client: ScreenedClient): 'permit' | 'reject' | undefined {
    for (const ask of this.#access) {
      const found = ask(client)
      if (found !== undefined) return found
    }
    return undefined
  }

  #isKnown(address: string): boolean {
    return this.#hasPassed('pregreet', address) && (this.#scores.empty || this.#hasPassed('dnsbl', address))
  }

  #hasPassed(test: string, address: string): boolean {
    return (this.#cache.get(`${test} ${address}`)?.atMs ?? 0) > this.#sources.now()
  }

  /** Only clients of the primary MX address earn it. Postfix: postscreen_allowlist_interfaces. */
  #keep(test: string, { clientAddress, localAddress }: ScreenedClient, ttlMs: number): void {
    if (!this.#allowlisting(localAddress)) return
    const atMs = this.#sources.now() + ttlMs
    this.#cache.set(`${test} ${clientAddress}`, { status: 'ok', atMs, text: '' })
  }

  /** `listsMs`: for how long DNS lists stand by what they said. */
  #remember(client: ScreenedClient, listsMs: number): void {
    const peer = `[${client.clientAddress}]:${client.clientPort}`
    if (!this.#allowlisting(client.localAddress)) {
      this.#log(`ALLOWLIST VETO ${peer}`)
      return
    }
    if ((this.#options.afterGreeting ?? []).length === 0) this.#log(`PASS NEW ${peer}`)
    this.#keep('pregreet', client, this.#options.greetTtlMs)
    if (!this.#scores.empty) {
      const { dnsblMinTtlMs, dnsblMaxTtlMs } = this.#options
      this.#keep('dnsbl', client, Math.min(Math.max(listsMs, dnsblMinTtlMs), dnsblMaxTtlMs))
    }
  }

  /** postscreen_dnsbl_reply_map hides names of lists that hold a password. */
  #listed(address: string, list: string): Refusal {
    const shown = this.#replies.length === 0 ? list : (lookupFirst(this.#replies, list) ?? list)
    return {
      code: 550,
      status: '5.7.1',
      text: `Service unavailable; client [${address}] blocked using ${shown}`,
    }
  }

  #log(text: string): void {
    this.#sources.log({ level: 'info', service: 'postscreen', text })
  }
}

function accessOf(word: string, sources: ScreenSources): Access {
  switch (word.toLowerCase()) {
    case 'permit_mynetworks':
      return ({ inMyNetworks }) => (inMyNetworks ? 'permit' : undefined)
    case 'permit':
      return () => 'permit'
    case 'reject':
      return () => 'reject'
  }
  if (!word.includes(':')) throw new PolicyError('postscreen_access_list', `unknown restriction "${word}"`)
  const table = sources.tables.open(word)
  return ({ clientAddress }) => {
    if (parseAddress(clientAddress) === undefined) return undefined
    const action = lookupIpAddress(table, clientAddress)?.trim()
    if (action === undefined || /^dunno\b/i.test(action)) return undefined
    if (/^(?:permit|ok)\b/i.test(action)) return 'permit'
    if (/^(?:reject|deny)\b/i.test(action)) return 'reject'
    const text = `${word}: unknown action "${action.slice(0, 40)}" for ${clientAddress}`
    sources.log({ level: 'warning', service: 'postscreen', text })
    return undefined
  }
}
