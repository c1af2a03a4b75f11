import { existsSync, readdirSync } from 'node:fs'
import { copyFile, link, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BackupReport, StoreError } from '../contract.ts'
import { closeEnvironment, type Environment, openEnvironment } from '../kv/environment.ts'
import { isNoSpace } from '../kv/no-space.ts'
import { Snapshot } from '../kv/unit.ts'
import { segmentRows } from '../recovery/recover-segments.ts'
import { type FileLayer, realFileLayer } from '../segments/file-layer.ts'
import { segmentOfName } from '../segments/segment-path.ts'
import { checkStore } from './check.ts'

export const indexName = 'index.mdb'
export const segmentsName = 'segments'
const manifestName = 'backup.json'

export interface BackupPlace {
  readonly environment: Environment
  readonly files: FileLayer
  readonly directory: string
  readonly storeVersion: number
}

/**
 * The index first, then the segments: every frame the copied index names was written before. The caller
 * keeps compaction away meanwhile. Sealed segments never change, so a hard link is a copy.
 */
export const backupStore = async (place: BackupPlace, target: string): Promise<BackupReport> => {
  await claimEmpty(target)
  const report = await orNothing(target, 'Cannot write the backup', async () => {
    await mkdir(join(target, segmentsName), { mode: 0o700 })
    await place.environment.backup(join(target, indexName), true)
    const copied = await copySegments(place, target)
    await syncAll(place.files, target)
    await verifyBackup(target)
    return copied
  })
  const manifest = { product: 'posthorn', storeVersion: place.storeVersion, createdMs: Date.now(), ...report }
  await writeFile(join(target, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600 })
  await place.files.syncDirectory(target)
  return report
}

/** What fails leaves nothing behind, so that it can be tried again in the same place. */
const orNothing = async <T>(directory: string, what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    for (const name of [segmentsName, indexName, `${indexName}-lock`])
      await rm(join(directory, name), { recursive: true, force: true })
    if (!isNoSpace(error)) throw error
    throw new StoreError('no-space', `${what} to ${directory}: no space left on its disk`, { cause: error })
  }
}

const claimEmpty = async (target: string): Promise<void> => {
  await mkdir(target, { recursive: true, mode: 0o700 })
  if ((await readdir(target)).length > 0) {
    throw new StoreError('in-use', `Cannot write a backup to ${target}: the folder is not empty`)
  }
}

const copySegments = async (
  { environment, directory }: BackupPlace,
  target: string,
): Promise<BackupReport> => {
  const sealed = new Set<number>()
  for (const { segment, row } of segmentRows(new Snapshot(environment)))
    if (row.state === 'sealed') sealed.add(segment)
  const report = { segments: 0, linked: 0, sizeBytes: 0 }
  for (const name of await readdir(join(directory, segmentsName))) {
    const segment = segmentOfName(name)
    if (segment === undefined) continue
    const from = join(directory, segmentsName, name)
    const to = join(target, segmentsName, name)
    if (sealed.has(segment) && (await tryLink(from, to))) report.linked++
    else await copyFile(from, to)
    report.segments++
    report.sizeBytes += (await stat(to)).size
  }
  return report
}

/** False across file systems, or where links are not allowed. */
const tryLink = async (from: string, to: string): Promise<boolean> => {
  try {
    await link(from, to)
    return true
  } catch {
    return false
  }
}

const syncAll = async (files: FileLayer, target: string): Promise<void> => {
  const names = readdirSync(join(target, segmentsName)).map((name) => join(target, segmentsName, name))
  for (const path of [join(target, indexName), ...names]) {
    const file = files.openRead(path)
    try {
      await files.dataSync(file)
    } finally {
      files.close(file)
    }
  }
  await files.syncDirectory(join(target, segmentsName))
}

/** Reads the copy as a restore would: every row and every frame. */
export const verifyBackup = async (target: string): Promise<void> => {
  const environment = openEnvironment(join(target, indexName), 'synced')
  try {
    const place = { environment, files: realFileLayer, segmentDirectory: join(target, segmentsName) }
    const { problems } = await checkStore(place)
    if (problems.length > 0) {
      throw new StoreError(
        'corrupt',
        `The backup in ${target} is not whole: ${problems.slice(0, 3).join('; ')}`,
      )
    }
  } finally {
    await closeEnvironment(environment)
  }
}

/**
 * Copies a backup to where there is no store yet. Throws 'in-use' when there is one, 'corrupt' when the
 * backup is not whole.
 */
export const restoreStore = async (backup: string, directory: string): Promise<void> => {
  if (!existsSync(join(backup, manifestName))) {
    throw new StoreError('corrupt', `Cannot restore from ${backup}: it holds no complete backup`)
  }
  if (existsSync(join(directory, indexName)) || existsSync(join(directory, segmentsName))) {
    throw new StoreError('in-use', `Cannot restore to ${directory}: a store is there`)
  }
  await verifyBackup(backup)
  await orNothing(directory, 'Cannot restore', async () => {
    await mkdir(join(directory, segmentsName), { recursive: true, mode: 0o700 })
    for (const name of await readdir(join(backup, segmentsName))) {
      if (segmentOfName(name) === undefined) continue
      await copyFile(join(backup, segmentsName, name), join(directory, segmentsName, name))
    }
    // The index last: a restore cut short is no store.
    await copyFile(join(backup, indexName), join(directory, indexName))
    await syncAll(realFileLayer, directory)
    await realFileLayer.syncDirectory(directory)
  })
}
