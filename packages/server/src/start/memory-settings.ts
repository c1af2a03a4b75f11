import { setFlagsFromString } from 'node:v8'

/**
 * glibc's malloc keeps what it was once given: after a burst of logins (19 MiB for each password hash) the
 * process would hold on to 80 MB for good. With a fixed threshold large blocks go back to the system at once.
 * Under TLS each connection has 64 KB for what its client sends, and fills a page or two of it: that shall be memory
 * nobody has used before. So V8's compilers (blocks of 32 KB) leave none of theirs behind, and there is no reserve at
 * the top: 1,000 idle TLS clients cost 44 KB each instead of 64, 100 of them 50 instead of 76.
 * They are read when a process begins, so the server replaces itself once, keeping its pid.
 */
export const memorySettings: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '32768',
  MALLOC_TOP_PAD_: '0',
  MALLOC_TRIM_THRESHOLD_: '262144',
}

/**
 * V8's young generation. With its default (16 MB, twice) the first thousand idle clients cost 7 KB each more;
 * delivery is as quick with 4, its pauses shorter.
 */
const engineOption = '--max-semi-space-size'
const engineOptionMb = 4

/**
 * Small buffers are pieces of blocks; Node's are 64 KB, and whole messages of up to 32 KB are pieces of them, too. Whoever
 * keeps ten octets for some milliseconds keeps such a block until a thorough collection of garbage.
 */
const bufferBlockBytes = 8 * 1024

/** How the process is to be started anew; undefined: it runs as it should. */
export function restartAs(
  environment: Readonly<Record<string, string | undefined>>,
  execArgv: readonly string[],
): { readonly execArgv: readonly string[]; readonly environment: Record<string, string> } | undefined {
  // Who sets one of them himself knows why.
  const given = [...execArgv, environment['NODE_OPTIONS'] ?? ''].some((one) => one.includes(engineOption))
  const missing = Object.keys(memorySettings).some((name) => environment[name] === undefined)
  if (given && !missing) return undefined
  const next: Record<string, string> = { ...memorySettings }
  for (const [name, value] of Object.entries(environment)) if (value !== undefined) next[name] = value
  return {
    execArgv: given ? execArgv : [`${engineOption}=${engineOptionMb}`, ...execArgv],
    environment: next,
  }
}

/** What each process of the server sets for itself, its workers too. */
export function applyOwnSettings(): void {
  // On two busy cores the helpers of so small a collection cost more than they take off.
  setFlagsFromString('--no-parallel-scavenge')
  Buffer.poolSize = bufferBlockBytes
}

/** Returns only when the settings are in force, or cannot be (another system, an older Node). */
export function applyMemorySettings(environment: Readonly<Record<string, string | undefined>>): void {
  applyOwnSettings()
  const next = restartAs(environment, process.execArgv)
  if (process.platform !== 'linux' || next === undefined || typeof process.execve !== 'function') return
  const args = [process.execPath, ...next.execArgv, ...process.argv.slice(1)]
  try {
    process.execve(process.execPath, args, next.environment)
  } catch {
    // Not permitted here (a seccomp filter): a larger process is no reason not to start.
  }
}
