import { randomBytes } from 'node:crypto'
import { statfsSync } from 'node:fs'
import { isNoSpace } from '../kv/no-space.ts'
import type { FileLayer } from '../segments/file-layer.ts'
import { logPath } from './log-files.ts'

export const maxCapacityBytes = 16 * 1024 * 1024
/** A store with little to do keeps a short log. */
export const firstCapacityBytes = 1024 * 1024
const minCapacityBytes = 512 * 1024
/** Of the room on the disk. */
const shareOfDisk = 1 / 16
/** Octets of zeros that are written ahead: a sync that makes the file longer costs more. */
export const aheadBytes = 256 * 1024
export const zeros = Buffer.alloc(aheadBytes)

/** A log that no transaction names yet. */
export interface FreshLog {
  readonly logId: number
  readonly capacityBytes: number
  readonly file: number
  /** Octets that are written already. */
  readonly sizeBytes: number
}

/** As the room on the disk allows. */
export const logCapacity = (directory: string, limitBytes: number): number => {
  const { bavail, bsize } = statfsSync(directory)
  const room = Math.floor(bavail * bsize * shareOfDisk)
  return Math.min(limitBytes, Math.max(minCapacityBytes, Math.min(maxCapacityBytes, room)))
}

/** Its octets and its name are on disk. What fails leaves no file behind. */
export const makeLog = async (
  files: FileLayer,
  directory: string,
  capacityBytes: number,
): Promise<FreshLog> => {
  const logId = randomBytes(6).readUIntBE(0, 6) || 1
  const path = logPath(directory, logId)
  const file = files.create(path)
  try {
    const sizeBytes = await fill(files, file, capacityBytes)
    await files.syncDirectory(directory)
    return { logId, capacityBytes, file, sizeBytes }
  } catch (error) {
    files.close(file)
    files.unlink(path)
    throw error
  }
}

/** Zeros from end to end, so that no sync has to note that the file has grown. Returns how many. */
const fill = async (files: FileLayer, file: number, capacityBytes: number): Promise<number> => {
  let at = 0
  try {
    for (; at < capacityBytes; at += aheadBytes) {
      await files.write(file, [zeros.subarray(0, Math.min(aheadBytes, capacityBytes - at))], at)
    }
    await files.dataSync(file)
    return capacityBytes
  } catch (error) {
    if (!isNoSpace(error)) throw error
    return at
  }
}
