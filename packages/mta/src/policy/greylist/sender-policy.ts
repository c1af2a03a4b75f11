import { addressesOf, type DnsAnswer, type Resolver } from '@posthorn/dns'

/** RFC 7208 §2.6, as far as greylisting asks: only `pass` vouches. */
export type SpfVerdict = 'pass' | 'other' | 'temporary'

export interface SpfQuestion {
  readonly sender: string
  readonly helo: string
  readonly clientAddress: string
  readonly myhostname: string
}

/** Takes 50 ms of the event loop and 18 MB, the first time: nothing for who never asks. */
export const loadSpf = () => import('mailauth/lib/spf/index.js')

/** Whether the sender's domain (of HELO for the null sender) lets that client send. Never longer than `timeoutMs`. */
export async function checkSpf(
  dns: Resolver,
  { sender, helo, clientAddress, myhostname }: SpfQuestion,
  timeoutMs: number,
): Promise<SpfVerdict> {
  const { spf } = await loadSpf()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<SpfVerdict>((resolve) => {
    timer = setTimeout(() => resolve('temporary'), timeoutMs)
  })
  const asked = spf({ sender, helo, ip: clientAddress, mta: myhostname, resolver: nodeStyle(dns) }).then(
    ({ status }): SpfVerdict =>
      status.result === 'pass' ? 'pass' : status.result === 'temperror' ? 'temporary' : 'other',
    (): SpfVerdict => 'temporary',
  )
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Our resolver in the shape of node:dns/promises `resolve`, which mailauth asks for. */
export function nodeStyle(dns: Resolver): (name: string, type: string) => Promise<never> {
  const answer = async (name: string, type: string): Promise<unknown> => {
    switch (type) {
      case 'TXT':
        return records(await dns.txt(name)).map((text) => [text])
      case 'A':
        return records(await dns.a(name))
      case 'AAAA':
        return records(await dns.aaaa(name))
      case 'MX':
        return records(await dns.mx(name)).map(({ preference, exchange }) => ({
          priority: preference,
          exchange,
        }))
      case 'PTR':
        return records(await dns.ptr(addressOfReverse(name)))
    }
    return records(await addressesOf(dns, name))
  }
  return answer as (name: string, type: string) => Promise<never>
}

function records<T>(answer: DnsAnswer<T>): readonly T[] {
  if (answer.kind === 'records') return answer.records
  const code = answer.kind === 'temporary' ? 'ETIMEOUT' : answer.kind === 'nxdomain' ? 'ENOTFOUND' : 'ENODATA'
  throw Object.assign(new Error(answer.kind), { code })
}

function addressOfReverse(name: string): string {
  const four = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa\.?$/i.exec(name)
  if (four !== null) return `${four[4]}.${four[3]}.${four[2]}.${four[1]}`
  const nibbles = name
    .replace(/\.ip6\.arpa\.?$/i, '')
    .split('.')
    .toReversed()
    .join('')
  return nibbles.replace(/(.{4})(?=.)/g, '$1:')
}
