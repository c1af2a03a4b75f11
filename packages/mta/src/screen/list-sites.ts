import type { Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import { DnsLists, type ListZone, PolicyError, parseListZone } from '../policy/index.ts'

export interface ListSite {
  readonly zone: ListZone
  readonly weight: number
}

/** `domain[=filter][*weight]`. Postfix: postscreen_dnsbl_sites. Throws PolicyError. */
export function readListSites(texts: readonly string[]): readonly ListSite[] {
  return texts.map((text) => {
    const star = text.lastIndexOf('*')
    if (star === -1) return { zone: parseListZone(text), weight: 1 }
    const weight = text.slice(star + 1)
    if (!/^-?\d{1,6}$/.test(weight))
      throw new PolicyError('postscreen_dnsbl_sites', `bad weight in "${text}"`)
    return { zone: parseListZone(text.slice(0, star)), weight: Number(weight) }
  })
}

export interface ListScore {
  readonly score: number
  /** The domain whose weight is the largest; undefined: on none. */
  readonly worst: string | undefined
  /** The shortest of the answers; Infinity: none came. ms. */
  readonly ttlMs: number
}

/** Asks all sites at once; one that does not answer in time counts nothing. */
export class ListScores {
  readonly #sites: readonly ListSite[]
  readonly #lists: DnsLists

  constructor(
    sites: readonly ListSite[],
    sources: { readonly dns: Resolver; readonly log: Log; readonly now: () => number },
    timeoutMs: number,
  ) {
    this.#sites = sites
    this.#lists = new DnsLists({ ...sources, replies: [], code: 550 }, { timeoutMs })
  }

  get empty(): boolean {
    return this.#sites.length === 0
  }

  async scoreOf(address: string): Promise<ListScore> {
    const listings = await Promise.all(this.#sites.map(({ zone }) => this.#lists.query(zone, address)))
    let score = 0
    let worst: ListSite | undefined
    let ttlMs = Number.POSITIVE_INFINITY
    for (const [i, site] of this.#sites.entries()) {
      const listing = listings[i]
      if (listing === undefined || listing.kind === 'unavailable') continue
      ttlMs = Math.min(ttlMs, listing.ttlMs)
      if (listing.kind !== 'listed') continue
      score += site.weight
      if (site.weight > 0 && (worst === undefined || site.weight > worst.weight)) worst = site
    }
    return { score, worst: worst?.zone.zone, ttlMs }
  }
}
