import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '../contract.ts'
import type { Environment } from '../kv/environment.ts'
import type { GroupCommit } from '../kv/group-commit.ts'
import { Snapshot, type Unit } from '../kv/unit.ts'
import { deriveSpecialUses } from '../rows/mailbox-row.ts'
import { readVersion, writeVersion } from '../rows/version-row.ts'
import { type BackupPlace, backupStore, manifestName } from './backup.ts'

/** Of the tables and frames as docs/storage.md describes them. */
export const storeVersion = 4

export interface UpgradeStep {
  /** Version that the step leads to. */
  readonly to: number
  /** One transaction; a crash in between repeats the step. */
  readonly run: (unit: Unit) => void
}

/**
 * Steps in ascending order. 2: the index is flushed behind the log; a program that does not know the log would
 * take an index for whole that power failure left half. 3: copies are staged where such a program would show them;
 * mailboxes are found by their special use. 4: rows carry checksums where such a program would read something else;
 * those of before have none until they are written again.
 */
export const upgradeSteps: readonly UpgradeStep[] = [
  { to: 2, run: () => {} },
  { to: 3, run: deriveSpecialUses },
  { to: 4, run: () => {} },
]

/** Before anything is written to it. */
export const refuseNewer = (environment: Environment, directory: string, known: number): void => {
  const found = readVersion(new Snapshot(environment))
  if (found === undefined || found <= known) return
  throw new StoreError(
    'newer-version',
    `Cannot open the store in ${directory}: it has version ${found}, this program knows ${known}`,
  )
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
  refuseNewer(place.environment, place.directory, current)
  if (found === current) return undefined
  const snapshots = join(place.directory, 'snapshots')
  removeUnfinished(snapshots)
  const snapshot = join(snapshots, `version-${found}-${Date.now()}`)
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

/** Of an upgrade that was cut short: they would only take room. */
const removeUnfinished = (snapshots: string): void => {
  for (const name of existsSync(snapshots) ? readdirSync(snapshots) : []) {
    const folder = join(snapshots, name)
    if (name.startsWith('version-') && !existsSync(join(folder, manifestName)))
      rmSync(folder, { recursive: true, force: true })
  }
}
