import { existsSync, renameSync } from 'node:fs'
import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StoreError } from '../contract.ts'
import { writeInPlace } from '../kv/copy-on-write.ts'
import { type FileLayer, realFileLayer } from '../segments/file-layer.ts'
import { segmentOfName } from '../segments/segment-path.ts'
import {
  indexName,
  manifestName,
  orNothing,
  removeParts,
  restoringName,
  segmentsName,
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
    throw new StoreError('in-use', `Cannot restore to ${directory}: a store is there`)
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
    for (const name of await readdir(join(backup, segmentsName))) {
      if (segmentOfName(name) === undefined) continue
      await copyFile(join(backup, segmentsName, name), join(directory, segmentsName, name))
    }
    await syncAll(files, join(directory, restoringName), join(directory, segmentsName))
    await files.syncDirectory(directory)
    renameSync(join(directory, restoringName), join(directory, indexName))
    await files.syncDirectory(directory)
    await files.syncDirectory(dirname(directory))
  })
}
