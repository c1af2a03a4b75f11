import { appendFileSync, readFileSync, renameSync, type Stats, statSync, writeFileSync } from 'node:fs'
import type { Log } from '@posthorn/mail'

/** What a probe found out about an address. Postfix: verify(8). */
export interface Verified {
  readonly status: 'ok' | 'deferred' | 'bounced'
  /** When it was found out, ms since 1970. */
  readonly atMs: number
  /** What the other server said. */
  readonly text: string
}

export interface VerifyCache {
  get(address: string): Verified | undefined
  set(address: string, verified: Verified): void
}

const maxEntries = 100_000
const maxTextLength = 500
/** The file is written anew when it has so many octets more than it needs. */
const slackBytes = 8_388_608
const lookEveryMs = 1_000

/**
 * Known addresses in memory, and in a file that all workers append to: what one has found out the others read. It
 * is a cache: a file that cannot be read or written costs probes, and nothing else. Postfix: address_verify_map.
 */
export function openVerifyCache(path: string, log: Log, now: () => number): VerifyCache {
  const entries = new Map<string, Verified>()
  let readBytes = 0
  let inode = 0
  let nextLookMs = 0
  let faulty = false

  function fault(error: unknown): void {
    if (!faulty) log({ level: 'warning', service: 'verify', text: `address_verify_map ${path}`, error })
    faulty = true
  }

  function keep(address: string, verified: Verified): void {
    entries.delete(address)
    if (entries.size >= maxEntries) {
      const oldest = entries.keys().next().value
      if (oldest !== undefined) entries.delete(oldest)
    }
    entries.set(address, verified)
  }

  function refresh(): void {
    const leftMs = nextLookMs - now()
    // More is left when the clock was set back.
    if (path === '' || (leftMs > 0 && leftMs <= lookEveryMs)) return
    nextLookMs = now() + lookEveryMs
    try {
      const stats: Stats | undefined = statSync(path, { throwIfNoEntry: false })
      if (stats === undefined) return
      if (stats.ino !== inode) {
        inode = stats.ino
        readBytes = 0
      }
      if (stats.size <= readBytes) return
      // A line that is still being written is read the next time.
      const octets = readFileSync(path).subarray(readBytes)
      const end = octets.lastIndexOf(0x0a) + 1
      for (const line of octets.toString('utf8', 0, end).split('\n')) readLine(line, keep)
      readBytes += end
      if (stats.size > slackBytes + entries.size * 100) rewrite()
    } catch (error) {
      fault(error)
    }
  }

  function rewrite(): void {
    const fresh = `${path}.new.${process.pid}`
    writeFileSync(fresh, [...entries].map(([address, verified]) => formatLine(address, verified)).join(''), {
      mode: 0o600,
    })
    renameSync(fresh, path)
    inode = 0
  }

  return {
    get(address) {
      refresh()
      return entries.get(address)
    },
    set(address, verified) {
      const kept = { ...verified, text: verified.text.slice(0, maxTextLength) }
      keep(address, kept)
      if (path === '') return
      try {
        appendFileSync(path, formatLine(address, kept), { mode: 0o600 })
      } catch (error) {
        fault(error)
      }
    },
  }
}

function formatLine(address: string, { status, atMs, text }: Verified): string {
  return `${JSON.stringify([address, status, atMs, text])}\n`
}

function readLine(line: string, keep: (address: string, verified: Verified) => void): void {
  if (line === '') return
  try {
    const [address, status, atMs, text] = JSON.parse(line) as unknown[]
    if (typeof address !== 'string' || typeof atMs !== 'number' || typeof text !== 'string') return
    if (status === 'ok' || status === 'deferred' || status === 'bounced')
      keep(address, { status, atMs, text })
  } catch {
    // A torn line of a machine that went down.
  }
}
