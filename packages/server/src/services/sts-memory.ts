import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Log } from '@posthorn/mail'
import type { StsMemory, StsPolicy } from '@posthorn/mta'

/** As many as one process keeps. */
const maxPolicies = 10_000

/** MTA-STS policies of other domains in a file of the data folder: `mta-sts.json`. RFC 8461 §10.2. */
export function stsMemory(file: string, log: Log, now: () => number = Date.now): StsMemory {
  function load(): Map<string, StsPolicy> {
    try {
      const text = readFileSync(file, 'utf8')
      return new Map(Object.entries(JSON.parse(text) as Record<string, StsPolicy>))
    } catch (error) {
      if ((error as { code?: string }).code !== 'ENOENT')
        log({ level: 'warning', service: 'smtp', text: `Cannot read ${file}`, error })
      return new Map()
    }
  }

  return {
    load,
    save(policies) {
      const all = newest(load(), policies, now())
      const temporary = `${file}.${process.pid}`
      try {
        writeFileSync(temporary, JSON.stringify(Object.fromEntries(all)), { mode: 0o600 })
        renameSync(temporary, file)
      } catch (error) {
        log({ level: 'warning', service: 'smtp', text: `Cannot write ${file}`, error })
      }
    },
  }
}

/** Several workers write the same file, and each knows its own policies: what one forgot, anybody could hide. */
function newest(
  stored: ReadonlyMap<string, StsPolicy>,
  own: ReadonlyMap<string, StsPolicy>,
  nowMs: number,
): readonly (readonly [string, StsPolicy])[] {
  const all = new Map([...stored].filter(([, { expiresMs }]) => expiresMs > nowMs))
  for (const [domain, policy] of own) {
    const other = all.get(domain)
    if (other === undefined || fetchedMs(other) <= fetchedMs(policy)) all.set(domain, policy)
  }
  if (all.size <= maxPolicies) return [...all]
  return [...all].toSorted(([, a], [, b]) => fetchedMs(b) - fetchedMs(a)).slice(0, maxPolicies)
}

const fetchedMs = ({ expiresMs, maxAgeSeconds = 0 }: StsPolicy): number => expiresMs - maxAgeSeconds * 1000
