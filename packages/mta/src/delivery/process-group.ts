import type { ChildProcess } from 'node:child_process'

/** To a program that was started in a group of its own (`detached`), and to all that it has started. Postfix: spawn_command(3). */
export function signalGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    child.kill(signal)
  }
}
