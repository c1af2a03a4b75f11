import { flushCompileCache, getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
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

/**
 * Node's option that has our code read from `folder`, in this process and its threads. What Node's compile cache has read
 * stays in memory, 12 MB of it.
 */
function strippedCode(folder: string): string {
  const module = new URL('../stripped-code.js', import.meta.url)
  module.searchParams.set('folder', folder)
  return `--import=${module.href}`
}

/**
 * How the process is to be started anew; undefined: it runs as it should.
 * @param codeFolder of the compile cache, where it is in force
 */
export function restartAs(
  environment: Readonly<Record<string, string | undefined>>,
  execArgv: readonly string[],
  codeFolder?: string,
): { readonly execArgv: readonly string[]; readonly environment: Record<string, string> } | undefined {
  // Who sets one of them himself knows why.
  const given = [...execArgv, environment['NODE_OPTIONS'] ?? ''].some((one) => one.includes(engineOption))
  const missing = Object.keys(memorySettings).some((name) => environment[name] === undefined)
  if (given && !missing && codeFolder === undefined) return undefined
  const next: Record<string, string> = { ...memorySettings }
  for (const [name, value] of Object.entries(environment)) if (value !== undefined) next[name] = value
  if (codeFolder !== undefined) next['NODE_DISABLE_COMPILE_CACHE'] = '1'
  return {
    execArgv: [
      ...(given ? [] : [`${engineOption}=${engineOptionMb}`]),
      ...(codeFolder === undefined ? [] : [strippedCode(codeFolder)]),
      ...execArgv,
    ],
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
  const compiled = getCompileCacheDir()
  const next = restartAs(environment, process.execArgv, compiled && dirname(compiled))
  if (process.platform !== 'linux' || next === undefined || typeof process.execve !== 'function') return
  // What has led here is read with it by the next start, too.
  flushCompileCache()
  const args = [process.execPath, ...next.execArgv, ...process.argv.slice(1)]
  try {
    process.execve(process.execPath, args, next.environment)
  } catch {
    // Not permitted here (a seccomp filter): a larger process is no reason not to start.
  }
}
