import type { DnsAnswer, Question, Resolver } from './resolver.ts'

export interface CacheOptions {
  readonly now: () => number
  /** Answers kept; the oldest go first. */
  readonly maxAnswers?: number
  /** Longest life of an answer, whatever its TTL. */
  readonly maxTtlMs?: number
  /** A server that fails is not asked the same again for this long. */
  readonly temporaryTtlMs?: number
}

interface Kept {
  readonly answer: Promise<DnsAnswer<unknown>>
  untilMs: number
}

/**
 * Answers, negative ones too (RFC 2308), kept for their TTL within bounds. Equal questions that are under
 * way share one lookup.
 */
export function cachedResolver(source: Resolver, options: CacheOptions): Resolver {
  const maxAnswers = options.maxAnswers ?? 10_000
  const maxTtlMs = options.maxTtlMs ?? 3_600_000
  const temporaryTtlMs = options.temporaryTtlMs ?? 5_000
  const kept = new Map<string, Kept>()

  function ask<T>(question: Question, name: string): Promise<DnsAnswer<T>> {
    const key = `${question} ${name.toLowerCase()}`
    const found = kept.get(key)
    if (found !== undefined && found.untilMs > options.now()) return found.answer as Promise<DnsAnswer<T>>
    kept.delete(key)
    if (kept.size >= maxAnswers) {
      const oldest = kept.keys().next().value
      if (oldest !== undefined) kept.delete(oldest)
    }
    const answer = source[question](name) as Promise<DnsAnswer<T>>
    const entry: Kept = { answer, untilMs: Number.POSITIVE_INFINITY }
    kept.set(key, entry)
    void answer.then(
      (value) => {
        const ttlMs = value.kind === 'temporary' ? temporaryTtlMs : Math.min(value.ttlMs, maxTtlMs)
        entry.untilMs = options.now() + ttlMs
      },
      () => kept.delete(key),
    )
    return answer
  }

  return {
    mx: (name) => ask('mx', name),
    a: (name) => ask('a', name),
    aaaa: (name) => ask('aaaa', name),
    ptr: (name) => ask('ptr', name),
    txt: (name) => ask('txt', name),
    tlsa: (name) => ask('tlsa', name),
    ns: (name) => ask('ns', name),
    srv: (name) => ask('srv', name),
  }
}
