import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** User and system time of a process and what it has started, in seconds. */
export const cpuOf = (pids: readonly number[]): number => {
  let ticks = 0
  const all = execFileSync('ps', ['-eo', 'pid=,ppid=']).toString().trim().split('\n')
  const children = new Map<number, number[]>()
  for (const line of all) {
    const [pid = 0, parent = 0] = line.trim().split(/\s+/).map(Number)
    children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const visit = (pid: number): void => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      // utime, stime and those of children that have ended.
      for (const at of [11, 12, 13, 14]) ticks += Number(fields[at] ?? 0)
    } catch {
      return
    }
    for (const child of children.get(pid) ?? []) visit(child)
  }
  for (const pid of pids) visit(pid)
  return ticks / 100
}
