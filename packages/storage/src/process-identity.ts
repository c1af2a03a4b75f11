import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A process that has the store open. A pid used again, also after a reboot, is not taken for it. */
export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of /proc/PID/stat; 0 where there is no /proc. */
  readonly startTicks: number
  readonly boot: string
  /** Random, for each opening of the store: owns segments and journals. */
  readonly token: number
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

export const bootId = (): string => {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return 'unknown-boot'
  }
}

export const ownIdentity = (): ProcessIdentity => ({
  pid: process.pid,
  startTicks: startTicksOf(process.pid) ?? 0,
  boot: bootId(),
  token: randomBytes(6).readUIntBE(0, 6),
})

export const isAlive = (identity: Pick<ProcessIdentity, 'pid' | 'startTicks' | 'boot'>): boolean => {
  if (identity.boot !== bootId()) return false
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
