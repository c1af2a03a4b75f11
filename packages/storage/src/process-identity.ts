import { readFileSync } from 'node:fs'

/** A process, so that a pid used again by another is not taken for it. */
export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of /proc/PID/stat; 0 where there is no /proc. */
  readonly startTicks: number
}

const startTicksOf = (pid: number): number | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The command name may hold spaces and parentheses; the fields after its last ')' are plain.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : Number(fields[19])
  } catch {
    return undefined
  }
}

export const ownIdentity = (): ProcessIdentity => ({
  pid: process.pid,
  startTicks: startTicksOf(process.pid) ?? 0,
})

export const isAlive = (identity: ProcessIdentity): boolean => {
  const startTicks = startTicksOf(identity.pid)
  if (startTicks !== undefined) return identity.startTicks === startTicks
  if (identity.startTicks !== 0) return false
  try {
    process.kill(identity.pid, 0)
    return true
  } catch {
    return false
  }
}
