import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readIfThere } from './layout.ts'

/**
 * Courier's keywords, by the base of the file's name. `courierimapkeywords/:list` has their names, an empty line,
 * then `BASE:0 2` for each message; a file of its own, with a name a line, holds what changed since.
 * Courier: maildirkeywords(5).
 */
export function courierKeywords(path: string): ReadonlyMap<string, readonly string[]> {
  const folder = join(path, 'courierimapkeywords')
  const keywords = parseCourierKeywords(readIfThere(join(folder, ':list')) ?? '')
  for (const base of filesIn(folder)) {
    const names = (readIfThere(join(folder, base)) ?? '').split('\n').filter((name) => name !== '')
    keywords.set(base, names)
  }
  return keywords
}

export function parseCourierKeywords(text: string): Map<string, readonly string[]> {
  const lines = text.split('\n')
  const empty = lines.indexOf('')
  const names = lines.slice(0, Math.max(0, empty))
  const keywords = new Map<string, readonly string[]>()
  for (const line of empty < 0 ? [] : lines.slice(empty + 1)) {
    const colon = line.lastIndexOf(':')
    if (colon <= 0) continue
    const slots = line.slice(colon + 1).split(' ')
    keywords.set(
      line.slice(0, colon),
      slots.flatMap((slot) => (/^\d{1,6}$/.test(slot) ? (names[Number(slot)] ?? []) : [])),
    )
  }
  return keywords
}

/** Neither the list nor what is being written (`.` first). */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !/^[.:]/.test(name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
