import { flushCompileCache, getCompileCacheDir } from 'node:module'

/** In the environment of a process that was started anew: once is enough. */
const compiledMark = 'POSTHORN_COMPILED'

/**
 * After an installation, or an update, Node reads TypeScript, and its reader of it would stay in memory (15 MB) as long as the
 * server runs. So what was compiled is written to the disk, and the process replaced by one that finds all there, keeping
 * its pid. Returns when nothing had to be compiled, or when it cannot be kept.
 */
export async function restartCompiled(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  await import('./start-solo.ts')
  if (!hasReadTypeScript() || environment[compiledMark] !== undefined) return
  if (getCompileCacheDir() === undefined || typeof process.execve !== 'function') return
  // What its workers need, or it itself later.
  await Promise.all([import('./start-pool.ts'), import('./run-worker.ts'), import('./watching.ts')])
  flushCompileCache()
  const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  try {
    process.execve(process.execPath, args, { ...environment, [compiledMark]: 'yes' })
  } catch {
    // Not permitted here (a seccomp filter): a larger process is no reason not to start.
  }
}

/** Node loads its reader when it is first needed. */
function hasReadTypeScript(): boolean {
  const { moduleLoadList = [] } = process as { readonly moduleLoadList?: readonly string[] }
  return moduleLoadList.some((name) => name.includes('deps/amaro'))
}
