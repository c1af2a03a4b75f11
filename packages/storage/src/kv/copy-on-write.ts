import { execFileSync } from 'node:child_process'
import { statfsSync } from 'node:fs'

/** `f_type` of statfs(2). */
const btrfs = 0x9123683e
const writeElsewhere: readonly number[] = [btrfs, 0x2fc12fc1, 0xca451a4e]

/** What is overwritten goes to another place (btrfs, ZFS, bcachefs): octets that are on the disk are no room for others. */
export const isCopyOnWrite = (directory: string): boolean =>
  writeElsewhere.includes(statfsSync(directory).type)

/**
 * Files and folders made here from now on are overwritten in place, where btrfs can be told so (`chattr +C`). On a full
 * disk even the lock file of the index, which is written through memory, would end the process otherwise.
 */
export const writeInPlace = (directory: string): void => {
  if (statfsSync(directory).type !== btrfs) return
  try {
    execFileSync('chattr', ['+C', directory], { stdio: 'ignore' })
  } catch {
    // No such program, or not permitted: there is still the room that is kept free.
  }
}
