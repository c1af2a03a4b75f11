import { join } from 'node:path'
import { StoreError } from '../contract.ts'
import type { GroupCommit } from '../kv/group-commit.ts'
import { keyOfText, tables } from '../kv/keys.ts'
import { type Reader, Snapshot, type Unit } from '../kv/unit.ts'
import { type BackupPlace, backupStore } from './backup.ts'

/** Of the tables and frames as docs/storage.md describes them. */
export const storeVersion = 1

export interface UpgradeStep {
  /** Version that the step leads to. */
  readonly to: number
  /** One transaction; a crash in between repeats the step. */
  readonly run: (unit: Unit) => void
}

/** Steps in ascending order; none yet. */
export const upgradeSteps: readonly UpgradeStep[] = []

const versionKey = keyOfText(tables.meta, 'version')

export const readVersion = (reader: Reader): number | undefined => reader.get(versionKey)?.readUInt32BE(0)

export const writeVersion = (unit: Unit, version: number): void => {
  const row = Buffer.allocUnsafe(4)
  row.writeUInt32BE(version)
  unit.put(versionKey, row)
}

/**
 * Marks a new store, refuses a newer one ('newer-version'), upgrades an older one after a backup of it
 * beside the store. Says what it did; undefined when there was nothing to do.
 */
export const bringUpToDate = async (
  place: BackupPlace,
  commit: GroupCommit,
  steps: readonly UpgradeStep[],
): Promise<string | undefined> => {
  const current = place.storeVersion
  const found = readVersion(new Snapshot(place.environment))
  if (found === undefined) {
    await commit.run((unit) => writeVersion(unit, current))
    return undefined
  }
  if (found > current) {
    throw new StoreError(
      'newer-version',
      `Cannot open the store in ${place.directory}: it has version ${found}, this program knows ${current}`,
    )
  }
  if (found === current) return undefined
  const snapshot = join(place.directory, 'snapshots', `version-${found}-${Date.now()}`)
  await backupStore({ ...place, storeVersion: found }, snapshot)
  for (const step of steps.filter(({ to }) => to > found && to <= current)) {
    await commit.run((unit) => {
      if ((readVersion(unit) ?? 0) >= step.to) return
      step.run(unit)
      writeVersion(unit, step.to)
    })
  }
  await commit.run((unit) => writeVersion(unit, current))
  return `Store upgraded from version ${found} to ${current}; the former state is in ${snapshot}`
}
