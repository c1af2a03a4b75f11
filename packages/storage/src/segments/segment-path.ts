import { join } from 'node:path'

export const segmentPath = (directory: string, segment: number): string =>
  join(directory, `${String(segment).padStart(8, '0')}.seg`)

/** undefined for a name that is no segment's. */
export const segmentOfName = (name: string): number | undefined => {
  const match = /^(\d{8,10})\.seg$/.exec(name)
  return match ? Number(match[1]) : undefined
}
