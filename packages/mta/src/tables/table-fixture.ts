import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { LogEvent } from '@posthorn/mail'
import type { TableContext } from './index.ts'

/** Gone when the tests of this process are over. */
export const folder = mkdtempSync(join(tmpdir(), 'tables-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0
/** A table's source; returns its path. */
export function file(text: string, mode = 0o644): string {
  const path = join(folder, `t${++files}`)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

export function context(
  over: Partial<TableContext> = {},
): TableContext & { events: LogEvent[]; clock: { ms: number } } {
  const events: LogEvent[] = []
  const clock = { ms: 0 }
  return { log: (event) => void events.push(event), now: () => clock.ms, events, clock, ...over }
}
