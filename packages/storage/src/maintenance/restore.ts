import { existsSync, renameSync } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StoreError } from '../contract.ts'
import { writeInPlace } from '../kv/copy-on-write.ts'
import { type FileLayer, realFileLayer } from '../segments/file-layer.ts'
import { segmentPath } from '../segments/segment-path.ts'
import {
  indexName,
  manifestName,
  orNothing,
  removeParts,
  restoringName,
  segmentsName,
  segmentsNamedIn,
  syncAll,
  verifyBackup,
} from './backup.ts'

/**
 * Copies a backup to where there is no store yet. One that was cut short is begun again. Throws 'in-use' when there is
 * a store, 'corrupt' when the backup is not whole.
 */
export const restoreStore = (backup: string, directory: string): Promise<void> =>
  restoreStoreWith(realFileLayer, backup, directory)

export const restoreStoreWith = async (
  files: FileLayer,
  backup: string,
  directory: string,
): Promise<void> => {
  if (!existsSync(join(backup, manifestName))) {
    throw new StoreError('corrupt', `Cannot restore from ${backup}: it holds no complete backup`)
  }
  const isCutShort = existsSync(join(directory, restoringName)) && !existsSync(join(directory, indexName))
  const isThere = existsSync(join(directory, indexName)) || existsSync(join(directory, segmentsName))
  if (isThere && !isCutShort) {
    throw new StoreError(
      'in-use',
      `Cannot restore to ${directory}: a store is there (mv ${directory} ${directory}.old, then again)`,
    )
  }
  if (isCutShort) await removeParts(directory)
  await verifyBackup(backup)
  await orNothing(directory, 'Cannot restore', async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    writeInPlace(directory)
    // First, so that whatever follows is known to be unfinished.
    await copyFile(join(backup, indexName), join(directory, restoringName))
    await files.syncDirectory(directory)
    await mkdir(join(directory, segmentsName), { mode: 0o700 })
    for (const segment of await segmentsNamedIn(join(backup, indexName))) {
      const from = segmentPath(join(backup, segmentsName), segment)
      if (existsSync(from)) await copyFile(from, segmentPath(join(directory, segmentsName), segment))
    }
    await syncAll(files, join(directory, restoringName), join(directory, segmentsName))
    await files.syncDirectory(directory)
    renameSync(join(directory, restoringName), join(directory, indexName))
    await files.syncDirectory(directory)
    await files.syncDirectory(dirname(directory))
  })
}
