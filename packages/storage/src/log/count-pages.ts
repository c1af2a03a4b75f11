import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Environment, pageBytesOf, pinSnapshot, transact } from '../kv/environment.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { readMetas } from './flush-record.ts'
import { youngestMeta } from './page-layout.ts'
import { type PageCount, walkPages } from './page-walk.ts'

/** Others wait no longer than about this. */
const turnMs = 10

export interface PagesPlace {
  readonly environment: Environment
  readonly files: FileLayer
  readonly indexPath: string
}

/**
 * Follows the pages of an index in use, of one moment, in short turns; the index grows by what is written meanwhile. Says
 * what is wrong, or how many pages there are of each kind. Throws what `mayGoOn` throws.
 */
export const countPages = async (
  { environment, files, indexPath }: PagesPlace,
  mayGoOn: () => void,
): Promise<string | PageCount> => {
  const pageBytes = pageBytesOf(environment)
  const file = files.openRead(indexPath)
  // First the pin, then the state: its pages are kept when it is not older.
  const pin = pinSnapshot(environment)
  try {
    let meta: Buffer = Buffer.alloc(0)
    transact(environment, () => {
      meta = youngestMeta(readMetas(files, file, pageBytes))
    })
    const walk = walkPages({ files, file, pageBytes, meta })
    let beganMs = performance.now()
    for (;;) {
      const step = walk.next()
      if (step.done === true) return step.value
      if (performance.now() - beganMs <= turnMs) continue
      await nextTurn()
      mayGoOn()
      beganMs = performance.now()
    }
  } finally {
    pin.release()
    files.close(file)
  }
}
