import { execFileSync } from 'node:child_process'

/** `id` asks every source of users that the system has, not /etc/passwd alone; it takes a number for a name, too. Throws where there is none. */
export function idOf(name: string, what: '-u' | '-g'): number {
  return Number(execFileSync('id', [what, '--', name], { stdio: ['ignore', 'pipe', 'ignore'] }))
}
