import { blockListQuery, type Listing, type Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import type { Answer } from '@posthorn/smtp'
import type { LookupTable } from '../tables/index.ts'
import { lookupFirst } from '../tables/index.ts'
import type { ListZone } from './list-zone.ts'
import { expandTemplate, macrosOf } from './reply-macros.ts'
import type { PolicyRequest } from './request.ts'
import type { Refusal } from './verdict.ts'

export interface DnsListOptions {
  /** For one question. Default 5 s. */
  readonly timeoutMs?: number
  /** Postfix: default_rbl_reply. */
  readonly defaultReply?: string
}

export interface DnsListSources {
  readonly dns: Resolver
  readonly log: Log
  readonly now: () => number
  /** rbl_reply_maps. */
  readonly replies: readonly LookupTable[]
  /** maps_rbl_reject_code. */
  readonly code: number
}

/** What is on a list, and what for. */
export interface ListedSubject {
  /** The address or domain that is asked for. */
  readonly subject: string
  /** As replies name it: `192.0.2.1`, `a@b.example`. Postfix: $rbl_what. */
  readonly what: string
  /** `Client host`. Postfix: $rbl_class. */
  readonly class: string
}

export const defaultRblReply =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
  '$rbl_code Service unavailable; $rbl_class [$rbl_what] blocked using $rbl_domain${rbl_reason?; $rbl_reason}'

const defaultTimeoutMs = 5_000
/** A list that failed so often in a row is left alone for a while, so that it delays nobody. */
const failuresUntilRest = 3
const restMs = 60_000
/** A client that sends message after message is not looked up for each: no list changes in so short a time. */
const freshMs = 1_000
const maxFresh = 1_000

interface Health {
  failures: number
  restUntilMs: number
  /** By restriction and subject: what the list has just said. */
  readonly fresh: Map<string, { readonly listing: Listing; readonly untilMs: number }>
  /** The same, while it is asked: who comes meanwhile waits for that answer. */
  readonly asked: Map<string, Promise<Listing>>
}

/** The DNS lists of one policy: asked side by side, never waited for longer than the time limit. RFC 5782. */
export class DnsLists {
  readonly #sources: DnsListSources
  readonly #timeoutMs: number
  readonly #defaultReply: string
  readonly #clientZones = new Map<string, ListZone>()
  readonly #health = new Map<string, Health>()
  /** The client that all lists have been asked about last. */
  #announced = ''

  constructor(sources: DnsListSources, options: DnsListOptions) {
    this.#sources = sources
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs
    this.#defaultReply = options.defaultReply ?? defaultRblReply
  }

  /** A list of client addresses: with the first of them, all are asked. */
  addClientZone(zone: ListZone): void {
    this.#clientZones.set(zone.zone, zone)
  }

  /** Never rejects. */
  queryClient(zone: ListZone, address: string): Answer<Listing> {
    if (this.#announced !== address && this.#clientZones.size > 1) {
      this.#announced = address
      // The resolver keeps the answers; equal questions under way are one.
      for (const other of this.#clientZones.values())
        if (other.zone !== zone.zone) void this.query(other, address)
    }
    return this.query(zone, address)
  }

  /** Never rejects. */
  query(zone: ListZone, subject: string): Answer<Listing> {
    const health = this.#healthOf(zone.zone)
    const key = `${zone.text} ${subject}`
    const fresh = health.fresh.get(key)
    const leftMs = fresh === undefined ? 0 : fresh.untilMs - this.#sources.now()
    // More than that is left when the clock was set back.
    if (fresh !== undefined && leftMs > 0 && leftMs <= freshMs) return fresh.listing
    const asked = health.asked.get(key)
    if (asked !== undefined) return asked
    const listing = this.#lookUp(zone, subject, health).finally(() => health.asked.delete(key))
    health.asked.set(key, listing)
    return listing
  }

  async #lookUp(zone: ListZone, subject: string, health: Health): Promise<Listing> {
    const { now, log } = this.#sources
    const restingMs = health.restUntilMs - now()
    // As above: a clock that was set back makes no list rest for longer.
    if (restingMs > 0 && restingMs <= restMs)
      return { kind: 'unavailable', reason: 'it did not answer lately' }
    const listing = await this.#inTime(blockListQuery(this.#sources.dns, zone.zone, subject, zone.accepts))
    if (listing.kind !== 'unavailable') {
      health.failures = 0
      if (health.fresh.size >= maxFresh) health.fresh.clear()
      health.fresh.set(`${zone.text} ${subject}`, { listing, untilMs: now() + freshMs })
      return listing
    }
    log({
      level: 'warning',
      service: 'smtpd',
      text: `${subject}: RBL lookup error: ${zone.zone}: ${listing.reason}`,
    })
    if (++health.failures >= failuresUntilRest) {
      health.failures = failuresUntilRest - 1
      health.restUntilMs = now() + restMs
      log({
        level: 'warning',
        service: 'smtpd',
        text: `RBL ${zone.zone} does not answer: it is not asked for ${restMs / 1_000} seconds`,
      })
    }
    return listing
  }

  /** Postfix: rbl_reject_reply(). */
  refusal(
    zone: ListZone,
    { what, class: rblClass }: ListedSubject,
    reason: string,
    request: PolicyRequest,
  ): Refusal {
    const { replies, code } = this.#sources
    const template =
      (replies.length === 0
        ? undefined
        : (lookupFirst(replies, zone.text) ?? lookupFirst(replies, zone.zone))) ?? this.#defaultReply
    const macros = {
      ...macrosOf(request),
      rbl_code: String(code),
      rbl_domain: zone.zone,
      rbl_what: what,
      rbl_class: rblClass,
      rbl_reason: reason,
      rbl_txt: reason,
    }
    const said = expandTemplate(template, (name) => (macros as Readonly<Record<string, string>>)[name])
    const match = /^([45]\d\d)(?:\s+([45]\.\d{1,3}\.\d{1,3}))?\s+(.*)$/s.exec(said.trim())
    const given = match === null ? code : Number(match[1])
    const status = match?.[2] ?? (given >= 500 ? '5.7.1' : '4.7.1')
    return { code: given, status, text: match === null ? said.trim() : (match[3] ?? '') }
  }

  #healthOf(zone: string): Health {
    let health = this.#health.get(zone)
    if (health === undefined) {
      health = { failures: 0, restUntilMs: 0, fresh: new Map(), asked: new Map() }
      this.#health.set(zone, health)
    }
    return health
  }

  async #inTime(listing: Promise<Listing>): Promise<Listing> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Listing>((resolve) => {
      timer = setTimeout(() => resolve({ kind: 'unavailable', reason: 'query timed out' }), this.#timeoutMs)
    })
    try {
      return await Promise.race([listing, late])
    } catch (error) {
      return { kind: 'unavailable', reason: error instanceof Error ? error.message : String(error) }
    } finally {
      clearTimeout(timer)
    }
  }
}
