import { accessSync, constants, existsSync, lchownSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeFolders } from '../../make-folders.ts'
import { errorCode } from '../../start-error.ts'
import { CommandError, exit } from '../shell.ts'

/**
 * Makes the folder a command is to fill, or takes an empty one, and gives it to the owner of the data folder: root, who
 * calls the command, becomes that user when the store is opened, and could make none in a folder of root's any more.
 * `fillAsRoot` puts there, before that, what root alone may read; it is not asked where nothing changes hands.
 *
 * @throws CommandError when it is not empty, or cannot be made
 */
export function makeTarget(target: string, dataFolder: string, fillAsRoot: () => void = () => {}): void {
  const made = orCommandError(`cannot make ${target}`, () => {
    if (existsSync(target) && readdirSync(target).length > 0) throw new CommandError(`${target} is not empty`)
    // What is made above it stays the caller's, and the owner has to pass.
    makeFolders(dirname(target), 0o755)
    return makeFolders(target, 0o700)
  })
  const owner = process.getuid?.() === 0 ? statSync(dataFolder, { throwIfNoEntry: false }) : undefined
  if (made === 'found' || owner === undefined || owner.uid === 0) return
  fillAsRoot()
  for (const name of ['', ...readdirSync(target, { recursive: true, encoding: 'utf8' })])
    lchownSync(join(target, name), owner.uid, owner.gid)
}

/** `mode` as access(2) takes it. @throws CommandError with what to do, when this process may not use the folder so */
export function refuseClosed(
  folder: string,
  mode: number = constants.R_OK | constants.W_OK | constants.X_OK,
): void {
  try {
    accessSync(folder, mode)
  } catch (error) {
    const uid = process.geteuid?.()
    throw new CommandError(
      `${folder}: the owner of the mail (uid ${uid}) may not use it (${errorCode(error)}): chown -R ${uid} ${folder}`,
      exit.noPermission,
    )
  }
}

/** What the system refuses is told, after `what`, without a stack. */
export function orCommandError<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof CommandError || errorCode(error) === '') throw error
    throw new CommandError(`${what}: ${errorCode(error)}`, exit.noPermission)
  }
}
