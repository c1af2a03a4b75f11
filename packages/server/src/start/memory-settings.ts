/**
 * glibc's malloc keeps what it was once given: after a burst of logins (19 MiB for each password hash) the
 * process would hold on to 80 MB for good. With a fixed threshold large blocks go back to the system at once.
 * They are read when a process begins, so the server replaces itself once, keeping its pid.
 */
export const memorySettings: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '262144',
  MALLOC_TRIM_THRESHOLD_: '262144',
}

/** Returns only when the settings are in force, or cannot be (another system, an older Node). */
export function applyMemorySettings(environment: Readonly<Record<string, string | undefined>>): void {
  const missing = Object.entries(memorySettings).filter(([name]) => environment[name] === undefined)
  if (process.platform !== 'linux' || missing.length === 0 || typeof process.execve !== 'function') return
  const next: Record<string, string> = { ...memorySettings }
  for (const [name, value] of Object.entries(environment)) if (value !== undefined) next[name] = value
  const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  try {
    process.execve(process.execPath, args, next)
  } catch {
    // Not permitted here (a seccomp filter): a larger process is no reason not to start.
  }
}
