import { existsSync, readdirSync } from 'node:fs'
import { copyFile, link, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type BackupReport, StoreError } from '../contract.ts'
import { closeEnvironment, type Environment, openEnvironment } from '../kv/environment.ts'
import { isNoSpace } from '../kv/no-space.ts'
import { Snapshot } from '../kv/unit.ts'
import { refuseBrokenIndex } from '../log/index-file.ts'
import { segmentRows } from '../recovery/recover-segments.ts'
import { type FileLayer, realFileLayer } from '../segments/file-layer.ts'
import { isUnreadable } from '../segments/readable-octets.ts'
import { segmentPath } from '../segments/segment-path.ts'
import { checkStore } from './check.ts'

export const indexName = 'index.mdb'
export const segmentsName = 'segments'
/** The index of a store that is being restored, until everything is on the disk. */
export const restoringName = `${indexName}.restoring`
export const manifestName = 'backup.json'

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
    await syncAll(place.files, join(target, indexName), join(target, segmentsName))
    await verifyBackup(target)
    return copied
  })
  const manifest = { product: 'posthorn', storeVersion: place.storeVersion, createdMs: Date.now(), ...report }
  await writeFile(join(target, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600 })
  await syncFile(place.files, join(target, manifestName))
  await place.files.syncDirectory(target)
  await place.files.syncDirectory(dirname(target))
  return report
}

/** What fails leaves nothing behind, so that it can be tried again in the same place. */
export const orNothing = async <T>(directory: string, what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    await removeParts(directory)
    if (!isNoSpace(error)) throw error
    throw new StoreError('no-space', `${what} to ${directory}: no space left on its disk`, { cause: error })
  }
}

/** Of a backup or a restore that did not come to its end. */
export const removeParts = async (directory: string): Promise<void> => {
  for (const name of [segmentsName, indexName, `${indexName}-lock`, restoringName])
    await rm(join(directory, name), { recursive: true, force: true })
}

const claimEmpty = async (target: string): Promise<void> => {
  await mkdir(target, { recursive: true, mode: 0o700 })
  if ((await readdir(target)).length > 0) {
    throw new StoreError('in-use', `Cannot write a backup to ${target}: the folder is not empty`)
  }
}

/** Those that the copied index names: of what was begun after it, another store would not know that the number is taken. */
const copySegments = async (
  { environment, directory, files }: BackupPlace,
  target: string,
): Promise<BackupReport> => {
  const sealed = new Set<number>()
  for (const { segment, row } of segmentRows(new Snapshot(environment)))
    if (row.state === 'sealed') sealed.add(segment)
  const report = { segments: 0, linked: 0, sizeBytes: 0 }
  for (const segment of await segmentsNamedIn(join(target, indexName))) {
    const from = segmentPath(join(directory, segmentsName), segment)
    const to = segmentPath(join(target, segmentsName), segment)
    // One that was just begun has no file yet, one that was given up none any more. What is missing, the check says.
    if (!existsSync(from)) continue
    if (sealed.has(segment) && (await tryLink(from, to))) report.linked++
    else if (!(await tryCopy(files, from, to))) continue
    report.segments++
    report.sizeBytes += (await stat(to)).size
  }
  return report
}

/** Of an index that nobody writes. */
export const segmentsNamedIn = async (indexPath: string): Promise<readonly number[]> => {
  const environment = openEnvironment(indexPath, 'synced')
  try {
    return Array.from(segmentRows(new Snapshot(environment)), ({ segment }) => segment)
  } finally {
    await closeEnvironment(environment)
  }
}

/** False when it is gone meanwhile. */
const tryCopy = async (files: FileLayer, from: string, to: string): Promise<boolean> => {
  try {
    await copyFile(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    if (!isUnreadable(error)) throw error
    await rm(to, { force: true })
    await copyReadable(files, from, to)
  }
  return true
}

const pieceBytes = 1024 * 1024

/** What the disk cannot give is zeros: whether a message is in it, the check of the copy says. */
export const copyReadable = async (files: FileLayer, from: string, to: string): Promise<void> => {
  const piece = Buffer.allocUnsafe(pieceBytes)
  const source = files.openRead(from)
  try {
    const target = files.create(to)
    try {
      for (let at = 0, filled = pieceBytes; filled === pieceBytes; at += filled) {
        filled = await files.read(source, piece, at)
        await files.write(target, [piece.subarray(0, filled)], at)
      }
    } finally {
      files.close(target)
    }
  } finally {
    files.close(source)
  }
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

const syncFile = async (files: FileLayer, path: string): Promise<void> => {
  const file = files.openRead(path)
  try {
    await files.dataSync(file)
  } finally {
    files.close(file)
  }
}

/** An index and a folder of segments, with the names in it. */
export const syncAll = async (files: FileLayer, index: string, segments: string): Promise<void> => {
  for (const path of [index, ...readdirSync(segments).map((name) => join(segments, name))])
    await syncFile(files, path)
  await files.syncDirectory(segments)
}

/** Reads the copy as a restore would: every row and every frame. */
export const verifyBackup = async (target: string): Promise<void> => {
  refuseBrokenIndex(realFileLayer, target, join(target, indexName), 'pages')
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
