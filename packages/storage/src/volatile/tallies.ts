import type { TallyStore } from '../contract.ts'
import type { Environment } from '../kv/environment.ts'
import { isAlive, type ProcessIdentity } from '../process-identity.ts'
import { change } from './change.ts'

interface TallyRow {
  readonly pid: number
  readonly startTicks: number
  readonly boot: string
  readonly count: number
}

const maxNameBytes = 1_000
/** Whether a process lives is looked at so often, at most. */
const aliveForMs = 1_000

/** One row for each process and name: what a process held is gone with it. */
export const createTallies = (
  environment: Environment,
  self: ProcessIdentity,
  nowMs: () => number = () => performance.now(),
): TallyStore => {
  const { pid, startTicks, boot, token } = self
  const seenAlive = new Map<string, number>()

  const lives = (row: TallyRow): boolean => {
    const who = `${row.pid} ${row.startTicks} ${row.boot}`
    const untilMs = seenAlive.get(who) ?? 0
    if (untilMs > nowMs()) return true
    if (!isAlive(row)) return false
    if (seenAlive.size > 1_000) seenAlive.clear()
    seenAlive.set(who, nowMs() + aliveForMs)
    return true
  }

  return {
    async set(name, count) {
      const prefix = Buffer.from(`t${name}`).subarray(0, maxNameBytes)
      const ownKey = Buffer.concat([prefix, Buffer.from(`\0${token}`)])
      let sum = count
      change(environment, () => {
        const range = environment.getRange({
          start: Buffer.concat([prefix, Buffer.from([0])]),
          end: Buffer.concat([prefix, Buffer.from([1])]),
        })
        const dead: Buffer[] = []
        for (const { key, value } of range) {
          const place = Buffer.from(key as Uint8Array)
          if (place.equals(ownKey)) continue
          const row = JSON.parse(Buffer.from(value).toString()) as TallyRow
          if (lives(row)) sum += row.count
          else dead.push(place)
        }
        for (const place of dead) environment.removeSync(place)
        if (count > 0)
          environment.putSync(ownKey, Buffer.from(JSON.stringify({ pid, startTicks, boot, count })))
        else environment.removeSync(ownKey)
      })
      return sum
    },
  }
}
