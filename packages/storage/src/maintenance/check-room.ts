import { Snapshot } from '../kv/unit.ts'
import { countPages, type PagesPlace } from '../log/count-pages.ts'
import { unnamedSegments } from '../segments/unnamed-segments.ts'

export interface RoomPlace extends PagesPlace {
  readonly segmentDirectory: string
}

/** What takes room on the disk: `problems` endanger mail, `notes` do not. */
export interface Room {
  readonly problems: readonly string[]
  readonly notes: readonly string[]
}

const inMb = (octets: number): string => `${(octets / 2 ** 20).toFixed(1)} MB`

/** Every page of the index is in use, or free, and not both; every segment is known to the index. */
export const checkRoom = async (place: RoomPlace, mayGoOn: () => void): Promise<Room> => {
  const problems: string[] = []
  const notes: string[] = []
  const pages = await countPages(place, mayGoOn)
  if (typeof pages === 'string') problems.push(`The index is damaged (${pages})`)
  else if (pages.lost > 0)
    notes.push(
      `${pages.lost} of ${pages.used + pages.free + pages.lost} pages of the index are neither in use nor free: posthorn store rebuild gives them back`,
    )
  const { files, environment, segmentDirectory } = place
  const unnamed = unnamedSegments({ files, directory: segmentDirectory }, () => new Snapshot(environment))
  for (const { segment } of unnamed.filter(({ number }) => number === 'ahead'))
    problems.push(`Segment ${segment} is younger than the index`)
  const left = unnamed.filter(({ number }) => number === 'given')
  if (left.length > 0) {
    const octets = left.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    notes.push(
      `${left.length} segments (${inMb(octets)}) that nothing names are left: posthorn store compact removes them`,
    )
  }
  return { problems, notes }
}
