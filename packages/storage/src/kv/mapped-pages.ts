import { readFileSync, realpathSync } from 'node:fs'
import type { Report } from '../report.ts'

/** Of a mapped file so much more than at the opening stays in this process. */
const mostMappedBytes = 32 * 1024 * 1024
const lookEveryMs = 500

/** MADV_DONTNEED of <sys/mman.h> on Linux. */
const notNeeded = 4

type Advise = (address: bigint, sizeBytes: number, advice: number) => number

export interface MappedPages {
  /** Gives back what is too much. True when there was. */
  look(): Promise<boolean>
  stop(): void
}

/**
 * LMDB reads through a mapping of the whole index, and each page that was ever read, also one that is free since,
 * counts as memory of the process (RSS, the choice of the OOM killer) until the system is short of it: as much as the
 * index is large. They are copies of nothing: taken out of the process they stay in the page cache, and a read finds
 * them there (0.1 µs each, sixteen at a time). Of no effect elsewhere than on Linux, or where no library calls the
 * system for us.
 */
export function keepFewMapped(path: string, report: Report, mostBytes = mostMappedBytes): MappedPages {
  let floorBytes = mappedBytes()
  let isBusy = false
  const look = async (): Promise<boolean> => {
    if (isBusy || floorBytes === undefined || (mappedBytes() ?? 0) <= floorBytes + mostBytes) return false
    isBusy = true
    try {
      const advise = await loadAdvise()
      // Without it, or where it does not help, another look would be for nothing.
      if (advise === undefined || !giveBack(path, advise)) floorBytes = undefined
      else floorBytes = mappedBytes()
      return floorBytes !== undefined
    } finally {
      isBusy = false
    }
  }
  const timer = setInterval(() => void look().catch(report), lookEveryMs)
  timer.unref()
  return { look, stop: () => clearInterval(timer) }
}

/** What is resident in this process of files (RssFile of proc_pid_status(5)); undefined where there is no /proc. */
export function mappedBytes(): number | undefined {
  try {
    const [, kilobytes] = /^RssFile:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  } catch {
    return undefined
  }
}

/** False: it is not mapped, or the system refused. */
function giveBack(path: string, advise: Advise): boolean {
  const mappings = sharedMappings(realpathSync(path))
  return (
    mappings.length > 0 &&
    mappings.every(({ address, sizeBytes }) => advise(address, sizeBytes, notNeeded) === 0)
  )
}

interface Mapping {
  readonly address: bigint
  readonly sizeBytes: number
}

/**
 * Where a file lies in this process (proc_pid_maps(5)), and no octet beyond: the file may have grown by another process,
 * and what follows the mapping is memory of ours. Of a private mapping changes would be lost.
 */
export function sharedMappings(path: string, maps = readFileSync('/proc/self/maps', 'utf8')): Mapping[] {
  const mappings: Mapping[] = []
  for (const line of maps.split('\n')) {
    const [, begin, end, name] = /^([0-9a-f]+)-([0-9a-f]+) ..-s [0-9a-f]+ \S+ \d+ +(.*)$/.exec(line) ?? []
    if (name !== path) continue
    const address = BigInt(`0x${begin}`)
    mappings.push({ address, sizeBytes: Number(BigInt(`0x${end}`) - address) })
  }
  return mappings
}

async function loadAdvise(): Promise<Advise | undefined> {
  try {
    const koffi = (await import('koffi')).default
    return koffi.load(null).func('int madvise(uintptr_t address, size_t size, int advice)') as Advise
  } catch {
    return undefined
  }
}
