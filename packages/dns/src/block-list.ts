import { isHostName, reversedAddress } from './name.ts'
import type { Resolver } from './resolver.ts'

/** RFC 5782 §2. A list that does not answer lists nobody: a dead list never stops mail. */
export type Listing =
  | {
      readonly kind: 'listed'
      readonly codes: readonly string[]
      readonly reason: string
      readonly ttlMs: number
    }
  | { readonly kind: 'not-listed'; readonly ttlMs: number }
  | { readonly kind: 'unavailable'; readonly reason: string }

const maxReasonLength = 500

/**
 * Asks a DNS list (`zen.example.org`, or with Postfix's filter `zen.example.org=127.0.0.[2..11]`, already
 * split) about an address or a domain. `reason` is the list's TXT, printable ASCII only.
 */
export async function blockListQuery(
  resolver: Resolver,
  zone: string,
  subject: string,
  accepts: (code: string) => boolean = (code) => code.startsWith('127.'),
): Promise<Listing> {
  const labels = reversedAddress(subject)?.labels ?? (isHostName(subject) ? subject : undefined)
  if (labels === undefined) return { kind: 'not-listed', ttlMs: Number.POSITIVE_INFINITY }
  const name = `${labels}.${zone}`
  const found = await resolver.a(name)
  if (found.kind === 'temporary') return { kind: 'unavailable', reason: found.reason }
  const { ttlMs } = found
  if (found.kind !== 'records') return { kind: 'not-listed', ttlMs }
  const codes = found.records.filter(accepts)
  if (codes.length === 0) return { kind: 'not-listed', ttlMs }
  const text = await resolver.txt(name)
  const reason = text.kind === 'records' ? printable(text.records[0] ?? '') : ''
  return { kind: 'listed', codes, reason, ttlMs }
}

/** DNS text in a reply or a log line: no control characters, no 8-bit octets. */
export function printable(text: string): string {
  return text.slice(0, maxReasonLength).replace(/[^ -~]/g, '?')
}
