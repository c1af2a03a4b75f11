import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { localSocketAnswers } from '@posthorn/net/local-socket'
import { type ControlActions, serveControl } from '../control/control-server.ts'
import { type PublicActions, servePublic } from '../control/public-server.ts'
import { makeFolders } from '../make-folders.ts'
import { errorCode, StartError } from '../start-error.ts'
import { asOwner, giveDataFolder, type MailOwner } from './mail-owner.ts'

export interface DataFolder {
  readonly path: string
  readonly storeFolder: string
  readonly controlSocket: string
  /** What every user of the machine may reach. */
  readonly publicFolder: string
  readonly publicSocket: string
  /** Where users leave mail for the server, running or not. Postfix: maildrop. */
  readonly maildrop: string
  readonly pidFile: string
  /** What a server writes that was started in the background: its log, unless maillog_file names another file. */
  readonly outputFile: string
}

export function dataFolderAt(path: string): DataFolder {
  return {
    path,
    storeFolder: join(path, 'store'),
    controlSocket: join(path, 'control.sock'),
    publicFolder: join(path, 'public'),
    publicSocket: join(path, 'public', 'public.sock'),
    maildrop: join(path, 'public', 'maildrop'),
    pidFile: join(path, 'posthorn.pid'),
    outputFile: join(path, 'posthorn.log'),
  }
}

/**
 * Makes the folder on the first run (mode 711: others pass through to `public` and see nothing else), for `owner` when root starts the server for somebody else.
 * Throws StartError when it cannot be used.
 */
export function prepareDataFolder(path: string, owner?: MailOwner): DataFolder {
  try {
    giveDataFolder(path, owner, makeFolders(path, 0o711) === 'made' ? 'new' : 'found')
    asOwner(owner, () => {
      accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
      preparePublic(dataFolderAt(path))
    })
  } catch (error) {
    if (error instanceof StartError) throw error
    const reason = errorCode(error) === '' ? String(error) : errorCode(error)
    throw new StartError(
      `cannot write to the data folder ${path}: ${reason}`,
      'give this user a folder of its own: data_directory in main.cf, or POSTHORN_DATA_DIRECTORY',
      { cause: error },
    )
  }
  return dataFolderAt(path)
}

/** Modes are set whatever the umask; the maildrop lets everybody put, and only owners take and nobody list. */
function preparePublic({ publicFolder, maildrop }: DataFolder): void {
  for (const [path, mode] of [
    [publicFolder, 0o755],
    [maildrop, 0o1733],
  ] as const) {
    mkdirSync(path, { recursive: true })
    if ((statSync(path).mode & 0o7777) !== mode) chmodSync(path, mode)
  }
}

/** The pid in the pid file when that process lives. */
export function livingPid(folder: DataFolder): number | undefined {
  let pid: number
  try {
    pid = Number.parseInt(readFileSync(folder.pidFile, 'utf8'), 10)
  } catch {
    return undefined
  }
  if (!Number.isInteger(pid) || pid <= 1) return undefined
  try {
    process.kill(pid, 0)
    return pid
  } catch (error) {
    return errorCode(error) === 'EPERM' ? pid : undefined
  }
}

/**
 * Takes the folder for this process and answers on its control socket. A pid file without a server behind it
 * (killed, or its number given to another program) does not stop a start: the control socket decides.
 */
export async function takeDataFolder(
  folder: DataFolder,
  actions: ControlActions,
  publicActions: PublicActions,
  owner?: MailOwner,
): Promise<() => Promise<void>> {
  if (await localSocketAnswers(folder.controlSocket)) {
    const pid = livingPid(folder)
    throw new StartError(
      `a server is running on ${folder.path} already${pid === undefined ? '' : ` (pid ${pid})`}`,
      '`posthorn stop` stops it; another server needs another data_directory',
    )
  }
  // Both at once, without a pause in which a second server could find the folder free.
  const control = asOwner(owner, () => {
    writeFileSync(folder.pidFile, `${process.pid}\n`)
    chmodSync(folder.pidFile, 0o644)
    return Promise.all([
      serveControl(folder.controlSocket, actions),
      servePublic(folder.publicSocket, folder.maildrop, publicActions),
    ])
  })
  const sockets = await control.catch((error: unknown) => {
    rmSync(folder.pidFile, { force: true })
    throw new StartError(
      `cannot listen on ${folder.controlSocket}: ${error instanceof Error ? error.message : String(error)}`,
      'a shorter path of the data folder, on a file system that has sockets (not a mounted share)',
      { cause: error },
    )
  })
  return async () => {
    for (const { close } of sockets) await close()
    rmSync(folder.pidFile, { force: true })
  }
}
