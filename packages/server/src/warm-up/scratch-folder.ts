import { rmSync } from 'node:fs'
import { join } from 'node:path'

/** Where the scratch servers of a data folder are, each by the pid of its process. */
export const scratchFolder = (dataFolder: string): string => join(dataFolder, 'warm-up')

/** What a server that was killed has left; before any process of a new one begins. */
export function removeScratch(dataFolder: string): void {
  rmSync(scratchFolder(dataFolder), { recursive: true, force: true })
}
